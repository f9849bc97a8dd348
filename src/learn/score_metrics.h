#pragma once

#include <span>
#include <vector>

#include "route/router.h"

namespace citer {

/// How well scores in [0, 1] tell wanted rows (`wanted[i]` > 0.5) from the others, rows weighing
/// `weight[i]`.
struct ScoreMetrics {
  double accuracy = 0.0;           ///< share on the right side of one half
  double auc = 0.5;                ///< area under the ROC curve; 0.5 where there is one class only
  double calibration_error = 0.0;  ///< expected calibration error over ten equal bins
};

ScoreMetrics score_metrics(std::span<const float> scores, std::span<const float> wanted,
                           std::span<const float> weight);

/// The rows by score, in bins that end at 1, 2, 5, 10, 20, 50 and 100 % of their weight: fine where
/// thresholds lie, since the LLM writes what scores least. Rows of one score stay together.
std::vector<ReliabilityBin> reliability(std::span<const float> scores,
                                        std::span<const float> wanted,
                                        std::span<const float> weight);

}  // namespace citer
