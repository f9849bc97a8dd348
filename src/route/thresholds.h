#pragma once

#include <vector>

namespace citer {

/// Thresholds that let about the shares `budgets` of the tokens fall below them: quantiles of
/// `scores`, each moved up to the next representable score so that the quantile itself is below.
/// Equal thresholds are listed once.
std::vector<double> thresholds_for_budgets(std::vector<double> scores,
                                           const std::vector<double>& budgets);

/// The score of a logit, and back; both keep apart what a float would round to 1.
double sigmoid(double logit);
/// Infinite for 0 and 1.
double logit(double score);

}  // namespace citer
