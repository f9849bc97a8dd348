#include "learn/rounds.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "citer/error.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

/// Continuations of later rounds are written at the threshold that reaches this part of the LLM's
/// accuracy: what is left to the LLM above it costs much and changes few answers.
constexpr double kRolloutAccuracy = 0.95;

/// The router of a folder if it is what this training would make.
std::optional<Router> finished_router(const fs::path& path, const std::string& identity) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  Router router = load_router(path);
  if (router.info.identity != identity) return std::nullopt;
  return router;
}

std::string curve_text(const RouterInfo& info) {
  const double threshold = default_threshold(info);
  const auto at = std::find_if(info.calibration.begin(), info.calibration.end(),
                               [&](const auto& p) { return p.threshold >= threshold; });
  if (at == info.calibration.end()) return "not calibrated";
  return fmt::format(
      "validation: SLM alone {:.1f} %, LLM alone {:.1f} %; at threshold {:.4f} {:.1f} % "
      "with {:.1f} % of the tokens by the LLM",
      100 * info.slm_accuracy, 100 * info.llm_accuracy, at->threshold, 100 * at->accuracy,
      100 * at->llm_share);
}

}  // namespace

std::string epoch_text(const EpochReport& r) {
  return fmt::format(
      "epoch {:3}  train loss {:.5f}  held-out loss {:.5f}  accuracy {:.4f}  AUC {:.4f}  "
      "calibration "
      "error {:.4f}{}",
      r.epoch, r.train_loss, r.loss, r.metrics.accuracy, r.metrics.auc, r.metrics.calibration_error,
      r.best ? "  *" : "");
}

std::string training_identity(const Preferences& preferences, const TrainOptions& o,
                              const CalibrateOptions& calibrate) {
  std::string text = fmt::format(
      "{}; policy {} features {} weights {} epochs {} patience {} batch {} learning-rate {} "
      "weight-decay {} dropout {} most-weight {} folds {} seed {} max-tokens {} budgets {}",
      preferences.info.identity, o.policy, to_string(o.features), static_cast<int>(o.weights),
      o.epochs, o.patience, o.batch, o.learning_rate, o.weight_decay, o.dropout, o.most_weight,
      o.folds, o.seed, calibrate.max_tokens, fmt::join(calibrate.budgets, ","));
  for (const fs::path& path : calibrate.data) {
    text += fmt::format(" valid {:016x}", load_dataset(path, calibrate.dataset).fingerprint);
  }
  return text;
}

std::optional<Router> learn_in_rounds(ServicePool& services, const RoundsOptions& options,
                                      const std::function<void(const std::string&)>& note) {
  if (options.rounds < 1) {
    throw FieldError({"rounds"}, fmt::format("expected 1 or more, found {}", options.rounds));
  }
  std::optional<Router> router;
  std::optional<Preferences> before;
  for (int round = 1; round <= options.rounds; ++round) {
    const fs::path folder = options.folder / fmt::format("round-{}", round);
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
      throw InputError(fmt::format("{}: cannot create: {}", folder.string(), error.message()));
    }
    CollectOptions collecting = options.collect;
    collecting.out = folder / "preferences.gguf";
    collecting.round = round;
    if (router) {
      collecting.router =
          (options.folder / fmt::format("round-{}", round - 1) / "router.gguf").string();
      collecting.threshold = threshold_for_accuracy(router->info, kRolloutAccuracy);
    }
    std::optional<Preferences> preferences = collect(services, collecting);
    if (!preferences) return std::nullopt;
    note(fmt::format("round {}: {}", round, labels_text(*preferences)));
    if (before) {
      const std::int64_t flipped = flipped_labels(*before, *preferences);
      note(fmt::format("round {}: {} of {} labels changed side", round, flipped,
                       preferences->size()));
      if (flipped == 0) break;
    }

    const std::string identity = training_identity(*preferences, options.train, options.calibrate);
    const fs::path path = folder / "router.gguf";
    std::optional<Router> made = finished_router(path, identity);
    if (!made) {
      made = train_router(*preferences, options.train,
                          [&](const EpochReport& report) { note(epoch_text(report)); });
      made->info.identity = identity;
      if (!options.calibrate.data.empty() && !calibrate(services, *made, options.calibrate)) {
        return std::nullopt;
      }
      save_router(path, *made);
    }
    note(fmt::format("round {}: {}", round, curve_text(made->info)));
    router = std::move(made);
    before = std::move(preferences);
  }
  return router;
}

}  // namespace citer
