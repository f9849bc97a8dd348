#pragma once

#include <map>
#include <string>
#include <vector>

#include "citer/types.h"

namespace citer {

/// One policy at one threshold, over one dataset: a point of the curves.
struct EvalSetting {
  std::string data;  ///< name of the dataset
  std::string policy;
  double threshold = 0.0;

  auto operator<=>(const EvalSetting&) const = default;
};

/// Whether a policy has no threshold to vary ("slm", "llm", "speculative", "oracle").
bool is_fixed_policy(const std::string& policy);

/// The name make_policy() knows for a policy of an evaluation ("random" draws uniform scores).
std::string decoding_policy(const std::string& policy);

/// The budgets of a curve when the user names neither thresholds nor budgets.
const std::vector<double>& default_budgets();

}  // namespace citer
