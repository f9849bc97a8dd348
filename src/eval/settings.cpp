#include "eval/settings.h"

namespace citer {

bool is_fixed_policy(const std::string& policy) {
  return policy == "slm" || policy == "llm" || policy == "speculative" || policy == "oracle";
}

std::string decoding_policy(const std::string& policy) {
  return policy == "random" ? "random:0" : policy;
}

std::vector<std::string> default_policies(const Pair& pair) {
  std::vector<std::string> policies = {"slm", "llm"};
  for (const RouterFacts& router : pair.router_facts()) policies.push_back(router.policy);
  for (const char* name : {"maxprob", "margin", "entropy", "random", "oracle"}) {
    policies.emplace_back(name);
  }
  return policies;
}

const std::vector<double>& default_budgets() {
  static const std::vector<double> kBudgets = {0.02, 0.03, 0.05, 0.07, 0.10,
                                               0.20, 0.30, 0.50, 0.80};
  return kBudgets;
}

const std::vector<double>& default_judge_thresholds() {
  static const std::vector<double> kThresholds = {0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9};
  return kThresholds;
}

}  // namespace citer
