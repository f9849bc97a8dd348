#include "engine/models.h"

#include <fmt/format.h>

#include "citer/error.h"
#include "model/llm_server.h"

namespace citer {

namespace {

ContextOptions with_spare(ContextOptions options, int spare) {
  options.sequences += spare;
  return options;
}

/// Cells of a cache that nothing is read into.
constexpr int kIdleCells = 256;

/// It reads a token a pass: there is nothing within a pass to go back to.
ContextOptions without_snapshots(ContextOptions options) {
  options.state_snapshots = 0;
  return options;
}

bool overlaps(const std::string& overlap, const Pair& pair) {
  if (overlap == "on") return true;
  if (overlap == "off") return false;
  if (overlap == "auto") return !pair.llm() || pair.slm()->device() != pair.llm()->device();
  throw FieldError({"overlap"}, fmt::format("expected on, off or auto, found '{}'", overlap));
}

std::unique_ptr<Context> llm_context(const Pair& pair, const ServiceOptions& options) {
  const int spare = options.spare_sequences + options.sessions;
  const ContextOptions context = with_spare(options.context, spare);
  if (!pair.llm_server()) {
    return std::make_unique<ModelContext>(pair.llm(), context, pair.is_single() ? kIdleCells : 0);
  }
  if (options.sessions > 0) {
    throw FieldError({"sessions"}, "the LLM runs at a server: its sessions are there");
  }
  return pair.llm_server()->context(pair.slm()->vocab(), context);
}

}  // namespace

Models::Models(const Pair& pair, const ServiceOptions& options)
    : slm(pair.slm(), without_snapshots(with_spare(options.context, options.spare_sequences))),
      llm_owner(llm_context(pair, options)),
      llm(*llm_owner),
      decoder(slm, llm, options.context.sequences, overlaps(options.overlap, pair),
              !pair.has_one_vocabulary()) {
  if (options.max_wait && !(*options.max_wait >= 0)) {
    throw FieldError({"max_wait"},
                     fmt::format("expected milliseconds, 0 or more, found {}", *options.max_wait));
  }
  constexpr double kMillisecond = 1e-3;
  const auto max_wait =
      options.max_wait ? std::optional(kMillisecond * *options.max_wait) : std::nullopt;
  if (options.by_times) decoder.schedule_by_times(max_wait);
}

ModelFacts facts_of(const Model& model) {
  return {model.options().path, model.description(),           model.parameters(),
          model.bytes(),        model.cache_bytes_per_token(), model.n_embd()};
}

std::uint64_t bytes_with_context(const ModelFacts& model, int context_size) {
  return model.bytes + model.cache_bytes_per_token * static_cast<std::uint64_t>(context_size);
}

}  // namespace citer
