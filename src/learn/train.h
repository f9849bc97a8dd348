#pragma once

#include <functional>
#include <string>

#include "learn/preferences.h"
#include "learn/score_metrics.h"
#include "route/router.h"

namespace citer {

struct TrainOptions {
  /// citer, citer-s, co-llm or query.
  std::string policy = "citer";
  RouterFeatures features = RouterFeatures::kHidden;
  RouterWeights weights = RouterWeights::kF16;
  int epochs = 40;   ///< at most
  int patience = 6;  ///< epochs without a better held-out loss before it ends
  int batch = 256;   ///< rows of a step
  double learning_rate = 1e-3;
  double weight_decay = 0.01;
  double dropout = 0.1;
  double most_weight = 8.0;  ///< of a row for the LLM, beside 1 of one for the SLM
  int folds = 10;            ///< one example in so many is held out
  std::uint64_t seed = 0;
  int threads = 1;
  std::function<bool()> should_stop;
};

/// Throws UsageError for an unknown policy and numbers out of range.
void check(const TrainOptions& options);

/// One epoch, for whoever watches.
struct EpochReport {
  int epoch = 0;
  double train_loss = 0.0;  ///< mean over steps, of the weighted objective
  double loss = 0.0;        ///< mean over held-out rows, unweighted
  ScoreMetrics metrics;     ///< on the held-out rows
  bool best = false;
};

/// Fits the paper's MLP (d -> 2d -> d -> 1) to preferences. Inputs are standardised, the affine map
/// folded into the first layer; the epoch with the least held-out loss is what is returned. The
/// same preferences, options and machine give the same router. Throws as check() does, and
/// InputError (preferences with one class only, or too few examples to hold some out).
Router train_router(const Preferences& preferences, const TrainOptions& options,
                    const std::function<void(const EpochReport&)>& on_epoch);

}  // namespace citer
