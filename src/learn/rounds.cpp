#include "learn/rounds.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "citer/error.h"
#include "learn/calibrate.h"
#include "learn/collect.h"
#include "learn/train.h"
#include "model/chat_format.h"
#include "model/model.h"
#include "route/learned_policy.h"

namespace citer {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

/// Continuations of later rounds are written at the threshold that reaches this part of the LLM's
/// accuracy: what is left to the LLM above it costs much and changes few answers.
constexpr double kRolloutAccuracy = 0.95;

/// Of a round's time what collection may take, where time is limited; training and calibration have
/// the rest.
constexpr double kCollectPart = 0.65;

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

/// One line about an epoch.
std::string epoch_text(const EpochReport& r) {
  return fmt::format(
      "epoch {:3}  train loss {:.5f}  held-out loss {:.5f}  accuracy {:.4f}  AUC {:.4f}  "
      "calibration "
      "error {:.4f}{}",
      r.epoch, r.train_loss, r.loss, r.metrics.accuracy, r.metrics.auc, r.metrics.calibration_error,
      r.best ? "  *" : "");
}

/// Everything that decides a training's outcome, as text.
std::string training_identity(const Preferences& preferences, const TrainOptions& o,
                              const CalibrateOptions& calibrate) {
  std::string text = fmt::format(
      "{}; policy {} features {}{} weights {} epochs {} patience {} batch {} learning-rate {} "
      "weight-decay {} dropout {} most-weight {} folds {} seed {} max-tokens {} stop {} budgets {}",
      preferences.info.identity, o.policy, to_string(o.features), o.linear ? " linear" : "",
      static_cast<int>(o.weights), o.epochs, o.patience, o.batch, o.learning_rate, o.weight_decay,
      o.dropout, o.most_weight, o.folds, o.seed, calibrate.max_tokens,
      fmt::join(calibrate.stop, ","), fmt::join(calibrate.budgets, ","));
  const SamplingOptions& s = calibrate.sampling;
  text += fmt::format(
      " temperature {} top-k {} top-p {} min-p {} repeat-penalty {} repeat-last-n {} "
      "presence-penalty {} frequency-penalty {} sampling-seed {}",
      s.temperature, s.top_k, s.top_p, s.min_p, s.repeat_penalty, s.repeat_last_n,
      s.presence_penalty, s.frequency_penalty, s.seed);
  if (calibrate.promise) {
    text += fmt::format(" promise {} at {}", calibrate.promise->accuracy,
                        calibrate.promise->confidence);
  }
  for (const fs::path& path : calibrate.data) {
    text += fmt::format(" valid {:016x}", load_dataset(path, calibrate.dataset).fingerprint);
  }
  return text;
}

/// Trains a router and calibrates it. Nothing when the watcher ended it.
std::optional<Router> make_router(ServicePool& services, const Preferences& preferences,
                                  const LearnOptions& options,
                                  std::optional<Clock::time_point> deadline,
                                  const Watcher& watcher) {
  TrainOptions train = options.train;
  if (train.threads == 0) train.threads = services.pair().llm()->threads();
  std::optional<Router> router = train_router(
      preferences, train, [&](const EpochReport& report) { watcher.note(epoch_text(report)); },
      watcher.should_stop);
  if (!router) return std::nullopt;
  router->info.identity = training_identity(preferences, train, options.calibrate);
  if (!options.calibrate.data.empty() &&
      !calibrate(services, *router, options.calibrate, watcher, deadline)) {
    return std::nullopt;
  }
  return router;
}

/// The preferences of all files as one.
Preferences load_all(const std::vector<fs::path>& paths) {
  Preferences all = load_preferences(paths.front());
  for (std::size_t i = 1; i < paths.size(); ++i) {
    const Preferences more = load_preferences(paths[i]);
    all.append(more, paths.front().string(), paths[i].string());
    all.info.identity += "; " + more.info.identity;
  }
  return all;
}

/// One learning at work.
class Rounds {
 public:
  Rounds(ServicePool& services, const LearnOptions& options, const Watcher& watcher);
  std::optional<Router> run();

 private:
  fs::path folder_of(int round) const { return folder_ / fmt::format("round-{}", round); }
  CollectJob job_of(int round) const;
  Clock::time_point end_of(int round, double part) const;
  std::optional<Router> router_of(int round, const Preferences& preferences) const;
  bool is_settled(int round, const Preferences& preferences) const;

  ServicePool& services_;
  const LearnOptions& options_;
  const Watcher& watcher_;
  Clock::time_point start_ = Clock::now();
  fs::path folder_;
  std::optional<Router> router_;       ///< of the round before
  std::optional<Preferences> before_;  ///< and its preferences
};

Rounds::Rounds(ServicePool& services, const LearnOptions& options, const Watcher& watcher)
    : services_(services), options_(options), watcher_(watcher), folder_(options.folder) {
  if (options.rounds < 1) {
    throw FieldError({"rounds"}, fmt::format("expected 1 or more, found {}", options.rounds));
  }
  if (folder_.empty()) folder_ = options.out.string() + ".rounds";
}

/// When this part of a round is to be over, where time is limited: rounds take equal times.
Clock::time_point Rounds::end_of(int round, double part) const {
  const double seconds = options_.seconds * (round - 1 + part) / options_.rounds;
  return start_ +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

CollectJob Rounds::job_of(int round) const {
  CollectJob job{options_.collect};
  job.out = folder_of(round) / "preferences.gguf";
  job.round = round;
  if (router_) {
    job.router = (folder_of(round - 1) / "router.gguf").string();
    job.threshold = threshold_for_accuracy(router_->info, kRolloutAccuracy);
    job.before = &*before_;
  }
  if (options_.seconds > 0) job.deadline = end_of(round, kCollectPart);
  return job;
}

/// Whether no label has changed side since the round before.
bool Rounds::is_settled(int round, const Preferences& preferences) const {
  if (!before_) return false;
  const std::int64_t flipped = flipped_labels(*before_, preferences);
  watcher_.note(
      fmt::format("round {}: {} of {} labels changed side", round, flipped, preferences.size()));
  return flipped == 0;
}

/// Made now, or found in the folder.
std::optional<Router> Rounds::router_of(int round, const Preferences& preferences) const {
  const fs::path path = folder_of(round) / "router.gguf";
  const std::string identity = training_identity(preferences, options_.train, options_.calibrate);
  if (auto router = finished_router(path, identity)) return router;
  std::optional<Clock::time_point> deadline;
  if (options_.seconds > 0) deadline = end_of(round, 1.0);
  auto router = make_router(services_, preferences, options_, deadline, watcher_);
  if (router) save_router(path, *router);
  return router;
}

std::optional<Router> Rounds::run() {
  for (int round = 1; round <= options_.rounds; ++round) {
    create_folder(folder_of(round));
    std::optional<Preferences> preferences = collect(services_, job_of(round), watcher_);
    if (!preferences) return std::nullopt;
    watcher_.note(fmt::format("round {}: {}", round, labels_text(*preferences)));
    if (is_settled(round, *preferences)) break;
    auto router = router_of(round, *preferences);
    if (!router) return std::nullopt;
    watcher_.note(fmt::format("round {}: {}", round, curve_text(router->info)));
    router_ = std::move(router);
    before_ = std::move(preferences);
  }
  return std::move(router_);
}

}  // namespace

std::optional<Router> learn_in_rounds(ServicePool& services, const LearnOptions& options,
                                      const Watcher& watcher) {
  return Rounds(services, options, watcher).run();
}

std::optional<Router> learn_from_files(ServicePool& services, const LearnOptions& options,
                                       const Watcher& watcher) {
  const Preferences preferences = load_all(options.preferences);
  const ModelIdentity slm = identity_of(*services.pair().slm());
  if (slm.fingerprint != preferences.info.slm.fingerprint) {
    throw InputError(fmt::format("{}: collected with the SLM '{}', but {} is '{}'",
                                 options.preferences.front().string(), preferences.info.slm.name,
                                 services.pair().slm()->options().path, slm.name));
  }
  const std::string format = services.pair().chat_format().name();
  if (!preferences.info.chat_format.empty() && preferences.info.chat_format != format) {
    throw InputError(fmt::format(
        "{}: collected on prompts in the format '{}', here it is '{}'; give the chat options that "
        "it was collected with",
        options.preferences.front().string(), preferences.info.chat_format, format));
  }
  return make_router(services, preferences, options, {}, watcher);
}

}  // namespace citer
