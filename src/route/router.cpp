#include "route/router.h"

#include <algorithm>
#include <cmath>

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

double default_threshold(const RouterInfo& info) {
  const double accuracy = 0.99 * info.llm_accuracy;
  const double error = info.calibration_examples > 0
                           ? std::sqrt(accuracy * (1 - accuracy) / info.calibration_examples)
                           : 0.0;
  return least_threshold(info.calibration, accuracy + error);
}

}  // namespace citer
