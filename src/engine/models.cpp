#include "engine/models.h"

#include <fmt/format.h>

#include "citer/error.h"
#include "engine/for_model.h"

namespace citer {

namespace {

ModelContext make_context(const std::shared_ptr<Model>& model, const ServiceOptions& options) {
  ContextOptions context = options.context;
  context.sequences += options.spare_sequences;
  return {model, context};
}

bool overlaps(const std::string& overlap, const Pair& pair) {
  if (overlap == "on") return true;
  if (overlap == "off") return false;
  if (overlap == "auto") return pair.slm()->device() != pair.llm()->device();
  throw FieldError({"overlap"}, fmt::format("expected on, off or auto, found '{}'", overlap));
}

}  // namespace

Models::Models(const Pair& pair, const ServiceOptions& options)
    : slm(for_model("slm", [&] { return make_context(pair.slm(), options); })),
      llm(for_model("llm", [&] { return make_context(pair.llm(), options); })),
      decoder(slm, llm, options.context.sequences, overlaps(options.overlap, pair)) {
  if (options.by_times) decoder.schedule_by_times();
}

ModelFacts facts_of(const ModelContext& context) {
  const Model& model = context.model();
  return {model.options().path, model.description(),       model.parameters(),
          model.bytes(),        context.bytes_per_token(), model.n_embd()};
}

}  // namespace citer
