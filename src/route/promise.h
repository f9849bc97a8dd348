#pragma once

#include <string>
#include <vector>

#include "citer/router.h"

namespace citer {

/// What validation examples of one task show of each threshold.
struct TaskEvidence {
  std::string task;        ///< name of its dataset
  int examples = 0;        ///< that the LLM alone has right
  std::vector<int> harms;  ///< [thresholds] of them routing has wrong

  bool operator==(const TaskEvidence&) const = default;
};

/// Throws FieldError unless both lie between 0 and 1.
void check(const PromiseOptions& options);

/// P(X <= k) for X ~ Binomial(n, p), 0 < p < 1.
double binomial_tail(int n, double p, int k);

/// The cheapest threshold that keeps a promise for every task, by Learn-then-Test (Angelopoulos et
/// al., arXiv 2110.01052) with a fixed sequence: from the dearest threshold on, each is tested for
/// "harms at least 1 - accuracy of the answers that the LLM has right" by the exact binomial
/// p-value, the largest of the tasks'; the walk stops at the first that is not rejected. So the
/// chance that the promise is false is at most 1 - confidence. `thresholds` rise. Throws as
/// check().
Promise make_promise(const PromiseOptions& options, const std::vector<double>& thresholds,
                     const std::vector<TaskEvidence>& tasks);

}  // namespace citer
