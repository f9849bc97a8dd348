#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "citer/evaluation.h"

namespace citer {

/// Accuracy with Wilson's score interval (Wilson, JASA 22, 1927): of 500 right of 500 it says
/// [99.2 %, 100 %], not [100 %, 100 %]. `correct` has one entry per example; empty gives zeros.
Estimate accuracy_estimate(const std::vector<bool>& correct);

/// Two-sided exact McNemar test: probability of discordant pairs at least this uneven if both were
/// equally good. `only_a` examples are right under a alone, `only_b` under b alone.
double mcnemar_p_value(std::int64_t only_a, std::int64_t only_b);

/// Difference of two accuracies over the same examples, with the adjusted Wald interval for pairs
/// (Agresti and Min, Statistics in Medicine 24, 2005): half an example is added to each of the four
/// cells, so that no disagreement among n examples still leaves an interval about 4 / n wide.
Estimate paired_difference(const std::vector<bool>& a, const std::vector<bool>& b);

/// Sum of `parts` over sum of `wholes`, both by example, with a percentile bootstrap interval over
/// examples (2,000 resamples, fixed seed). Zeros where the wholes sum to 0.
Estimate ratio_estimate(const std::vector<std::int64_t>& parts,
                        const std::vector<std::int64_t>& wholes);

/// The p-quantile (0 <= p <= 1) with linear interpolation; 0 for no values.
double quantile(std::vector<double> values, double p);

/// A point of a policy's curve.
struct CurvePoint {
  double share = 0.0;  ///< LLM share in [0, 1]
  double accuracy = 0.0;
};

/// Figures of a curve from what was measured alone: the best accuracy so far, from the SLM alone
/// (share 0) on. Nothing is interpolated, and no line joins the last point to the LLM alone at
/// share
/// 1. PGR = (accuracy - SLM) / (LLM - SLM), the recovered part of the performance gap (RouteLLM,
/// Ong et al., arXiv 2406.18665, section 3).
class RecoveryCurve {
 public:
  RecoveryCurve(double slm_accuracy, double llm_accuracy, std::vector<CurvePoint> points);

  /// Recovered part of the gap at an accuracy; 0 when there is no gap.
  double recovered(double accuracy) const;
  /// Area under the steps of recovered(share), share from 0 to 1: a lower bound of APGR.
  double area() const;
  /// CPT: least measured LLM share that recovers this part of the gap, if one does.
  std::optional<double> share_for(double recovered) const;
  /// Least measured LLM share whose accuracy reaches `accuracy`, if one does.
  std::optional<double> share_for_accuracy(double accuracy) const;

 private:
  double slm_;
  double llm_;
  std::vector<CurvePoint> steps_;  ///< ascending in share; the best accuracy up to it
};

}  // namespace citer
