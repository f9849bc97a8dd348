#include "eval/settings.h"

#include <algorithm>
#include <cmath>

namespace citer {

bool is_fixed_policy(const std::string& policy) {
  return policy == "slm" || policy == "llm" || policy == "oracle";
}

std::string decoding_policy(const std::string& policy) {
  return policy == "random" ? "random:0" : policy;
}

std::vector<double> thresholds_for_budgets(std::vector<float> scores,
                                           const std::vector<double>& budgets) {
  std::vector<double> thresholds;
  if (scores.empty()) return thresholds;
  std::sort(scores.begin(), scores.end());
  for (double budget : budgets) {
    const auto n = static_cast<double>(scores.size());
    const auto at = static_cast<std::size_t>(std::clamp(budget * n - 1, 0.0, n - 1));
    const float above = std::nextafter(scores[at], 2.0F);
    const double threshold = std::min(1.0, static_cast<double>(above));
    if (thresholds.empty() || threshold > thresholds.back()) thresholds.push_back(threshold);
  }
  return thresholds;
}

const std::vector<double>& default_budgets() {
  static const std::vector<double> kBudgets = {0.02, 0.05, 0.10, 0.15, 0.20,
                                               0.30, 0.40, 0.60, 0.80};
  return kBudgets;
}

}  // namespace citer
