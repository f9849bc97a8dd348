#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "citer/evaluation.h"

namespace citer {

/// Accuracy with a percentile bootstrap interval over examples (2,000 resamples, fixed seed).
/// `correct` has one entry per example; empty gives zeros.
Estimate accuracy_estimate(const std::vector<bool>& correct);

/// Two-sided exact McNemar test: probability of discordant pairs at least this uneven if both were
/// equally good. `only_a` examples are right under a alone, `only_b` under b alone.
double mcnemar_p_value(std::int64_t only_a, std::int64_t only_b);

/// Difference of two accuracies over the same examples, with a paired bootstrap interval.
Estimate paired_difference(const std::vector<bool>& a, const std::vector<bool>& b);

/// The p-quantile (0 <= p <= 1) with linear interpolation; 0 for no values.
double quantile(std::vector<double> values, double p);

/// A point of a policy's curve.
struct CurvePoint {
  double share = 0.0;  ///< LLM share in [0, 1]
  double accuracy = 0.0;
};

/// Figures of a whole curve, over its non-decreasing hull from the SLM alone (share 0) to the LLM
/// alone (share 1). PGR = (accuracy - SLM) / (LLM - SLM), the recovered part of the performance gap
/// (RouteLLM, Ong et al., arXiv 2406.18665, section 3).
class RecoveryCurve {
 public:
  RecoveryCurve(double slm_accuracy, double llm_accuracy, std::vector<CurvePoint> points);

  /// Recovered part of the gap at an accuracy; 0 when there is no gap.
  double recovered(double accuracy) const;
  /// Area under recovered(share), share from 0 to 1: APGR. 0.5 is what a random mix gets.
  double area() const;
  /// CPT: least LLM share at which the curve recovers this part of the gap, if it does.
  std::optional<double> share_for(double recovered) const;
  /// Least LLM share at which accuracy reaches `accuracy`, if it does.
  std::optional<double> share_for_accuracy(double accuracy) const;

 private:
  double slm_;
  double llm_;
  std::vector<CurvePoint> hull_;  ///< ascending in share and accuracy
};

}  // namespace citer
