#include "route/thresholds.h"

#include <algorithm>
#include <cmath>

namespace citer {

std::vector<double> thresholds_for_budgets(std::vector<double> scores,
                                           const std::vector<double>& budgets) {
  std::vector<double> thresholds;
  if (scores.empty()) return thresholds;
  std::sort(scores.begin(), scores.end());
  for (double budget : budgets) {
    const auto n = static_cast<double>(scores.size());
    const auto at = static_cast<std::size_t>(std::clamp(budget * n - 1, 0.0, n - 1));
    const double threshold = std::min(1.0, std::nextafter(scores[at], 2.0));
    if (thresholds.empty() || threshold > thresholds.back()) thresholds.push_back(threshold);
  }
  return thresholds;
}

double sigmoid(double logit) { return 1.0 / (1.0 + std::exp(-logit)); }

double logit(double score) { return std::log(score) - std::log1p(-score); }

}  // namespace citer
