#pragma once

#include <string>
#include <vector>

#include "citer/evaluation.h"

namespace citer {

/// Whether a policy has no threshold to vary ("slm", "llm", "speculative", "oracle").
bool is_fixed_policy(const std::string& policy);

/// The name make_policy() knows for a policy of an evaluation ("random" draws uniform scores).
std::string decoding_policy(const std::string& policy);

/// What is evaluated when the user names no policies: those that need no router, and the routers'.
std::vector<std::string> default_policies(const Pair& pair);

/// The budgets of a curve when the user names neither thresholds nor budgets.
const std::vector<double>& default_budgets();

/// Its thresholds for policies that judge what the LLM has read, likewise.
const std::vector<double>& default_judge_thresholds();

}  // namespace citer
