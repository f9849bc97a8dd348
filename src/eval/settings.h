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

/// Whether a policy has no threshold to vary ("slm", "llm", "oracle").
bool is_fixed_policy(const std::string& policy);

/// The name make_policy() knows for a policy of an evaluation ("random" draws uniform scores).
std::string decoding_policy(const std::string& policy);

/// Thresholds that let about the shares `budgets` of the tokens fall below them: quantiles of
/// `scores`, each moved up to the next representable score so that the quantile itself is below.
/// Equal thresholds are listed once.
std::vector<double> thresholds_for_budgets(std::vector<float> scores,
                                           const std::vector<double>& budgets);

/// The budgets of a curve when the user names neither thresholds nor budgets.
const std::vector<double>& default_budgets();

}  // namespace citer
