#include "engine/models.h"

#include <fmt/format.h>

#include "citer/error.h"

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
  if (overlap == "auto") return pair.slm()->device() != pair.llm()->device();
  throw FieldError({"overlap"}, fmt::format("expected on, off or auto, found '{}'", overlap));
}

}  // namespace

Models::Models(const Pair& pair, const ServiceOptions& options)
    : slm(pair.slm(), without_snapshots(with_spare(options.context, options.spare_sequences))),
      llm(pair.llm(), with_spare(options.context, options.spare_sequences),
          pair.is_single() ? kIdleCells : 0),
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

ModelFacts facts_of(const ModelContext& context) {
  const Model& model = context.model();
  return {model.options().path, model.description(),           model.parameters(),
          model.bytes(),        model.cache_bytes_per_token(), model.n_embd()};
}

}  // namespace citer
