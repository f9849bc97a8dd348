#include "route/router.h"

#include <algorithm>
#include <cmath>

#include "route/thresholds.h"

namespace citer {

namespace {

/// The largest score below 1 has this logit: further up there is but the LLM alone.
constexpr double kLargestLogit = 36.7;

/// Between two points of the curve by logit, where scores crowd near 1; from the SLM alone, whose
/// threshold has none, by score.
double threshold_between(const CalibrationPoint& below, const CalibrationPoint& above,
                         double budget) {
  const double part = (budget - below.llm_share) / (above.llm_share - below.llm_share);
  if (below.threshold <= 0) return part * above.threshold;
  const double from = std::min(logit(below.threshold), kLargestLogit);
  const double to = std::min(logit(above.threshold), kLargestLogit);
  return sigmoid(from + part * (to - from));
}

}  // namespace

std::optional<double> threshold_for_budget(const RouterInfo& info, double budget) {
  const std::vector<CalibrationPoint>& curve = info.calibration;
  if (curve.empty()) return std::nullopt;
  if (budget >= 1) return 1.0;
  const auto above = std::find_if(curve.begin(), curve.end(), [&](const CalibrationPoint& point) {
    return point.llm_share > budget;
  });
  // Threshold 0 is the SLM alone, 1 the LLM alone.
  const CalibrationPoint below = above == curve.begin() ? CalibrationPoint{} : *(above - 1);
  return threshold_between(below, above == curve.end() ? CalibrationPoint{1, 1, 0, 0} : *above,
                           budget);
}

namespace {

/// The least threshold with that accuracy, else the most accurate one.
double least_threshold(const std::vector<CalibrationPoint>& curve, double accuracy) {
  if (curve.empty()) return 0.5;
  const auto enough = std::find_if(curve.begin(), curve.end(), [&](const CalibrationPoint& point) {
    return point.accuracy >= accuracy;
  });
  if (enough != curve.end()) return enough->threshold;
  const auto best = std::max_element(curve.begin(), curve.end(), [](const auto& a, const auto& b) {
    return a.accuracy < b.accuracy;
  });
  return best->threshold;
}

}  // namespace

double threshold_for_accuracy(const RouterInfo& info, double part) {
  return least_threshold(info.calibration, part * info.llm_accuracy);
}

std::optional<Promise> promise_of(const RouterInfo& info,
                                  const std::optional<PromiseOptions>& asked) {
  if (asked) check(*asked);
  if (!asked || (info.promise && info.promise->asked == *asked)) return info.promise;
  if (info.evidence.empty()) return std::nullopt;
  std::vector<double> thresholds;
  for (const CalibrationPoint& point : info.calibration) thresholds.push_back(point.threshold);
  return make_promise(*asked, thresholds, info.evidence);
}

Disagreements disagreements_at(const RouterInfo& info, double threshold) {
  for (std::size_t i = 0; i < info.disagreements.size(); ++i) {
    if (info.calibration[i].threshold == threshold) return info.disagreements[i];
  }
  return {};
}

double default_threshold(const RouterInfo& info) {
  if (info.promise) return info.promise->threshold.value_or(1.0);
  const double accuracy = 0.99 * info.llm_accuracy;
  const double error = info.calibration_examples > 0
                           ? std::sqrt(accuracy * (1 - accuracy) / info.calibration_examples)
                           : 0.0;
  return least_threshold(info.calibration, accuracy + error);
}

}  // namespace citer
