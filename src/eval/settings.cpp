#include "eval/settings.h"

namespace citer {

bool is_fixed_policy(const std::string& policy) {
  return policy == "slm" || policy == "llm" || policy == "speculative" || policy == "oracle";
}

std::string decoding_policy(const std::string& policy) {
  return policy == "random" ? "random:0" : policy;
}

const std::vector<double>& default_budgets() {
  static const std::vector<double> kBudgets = {0.02, 0.03, 0.05, 0.07, 0.10,
                                               0.20, 0.30, 0.50, 0.80};
  return kBudgets;
}

}  // namespace citer
