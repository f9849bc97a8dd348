#pragma once

#include <vector>

namespace citer {

/// Thresholds that let about the shares `budgets` of the tokens fall below them: quantiles of
/// `scores`, each moved up to the next representable score so that the quantile itself is below.
/// Equal thresholds are listed once.
std::vector<double> thresholds_for_budgets(std::vector<float> scores,
                                           const std::vector<double>& budgets);

}  // namespace citer
