#include "route/router.h"

#include <algorithm>

namespace citer {

std::optional<double> threshold_for_budget(const RouterInfo& info, double budget) {
  const std::vector<CalibrationPoint>& curve = info.calibration;
  if (curve.empty()) return std::nullopt;
  if (budget >= 1) return 1.0;
  const auto above = std::find_if(curve.begin(), curve.end(), [&](const CalibrationPoint& point) {
    return point.llm_share > budget;
  });
  if (above == curve.end()) return curve.back().threshold;
  // Threshold 0 is the SLM alone.
  const CalibrationPoint below = above == curve.begin() ? CalibrationPoint{} : *(above - 1);
  const double part = (budget - below.llm_share) / (above->llm_share - below.llm_share);
  return below.threshold + part * (above->threshold - below.threshold);
}

double default_threshold(const RouterInfo& info) { return threshold_for_accuracy(info, 0.99); }

double threshold_for_accuracy(const RouterInfo& info, double part) {
  const std::vector<CalibrationPoint>& curve = info.calibration;
  if (curve.empty()) return 0.5;
  const auto enough = std::find_if(curve.begin(), curve.end(), [&](const CalibrationPoint& point) {
    return point.accuracy >= part * info.llm_accuracy;
  });
  if (enough != curve.end()) return enough->threshold;
  const auto best = std::max_element(curve.begin(), curve.end(), [](const auto& a, const auto& b) {
    return a.accuracy < b.accuracy;
  });
  return best->threshold;
}

}  // namespace citer
