#pragma once

#include <functional>
#include <optional>

#include "citer/progress.h"
#include "citer/training.h"
#include "learn/preferences.h"
#include "learn/score_metrics.h"
#include "route/router.h"

namespace citer {

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

/// Fits the paper's MLP (d -> 2d -> d -> 1) to preferences, on TrainOptions::threads threads (one
/// for 0). Inputs are standardised, the affine map folded into the first layer; the epoch with the
/// least held-out loss is what is returned. The same preferences, options and machine give the same
/// router. Nothing when `should_stop` ended it. Throws as check() does, and InputError (preferences
/// with one class only, too few examples to hold some out, or
/// a loss that is never finite).
std::optional<Router> train_router(const Preferences& preferences, const TrainOptions& options,
                                   const std::function<void(const EpochReport&)>& on_epoch,
                                   const std::function<bool()>& should_stop = {});

}  // namespace citer
