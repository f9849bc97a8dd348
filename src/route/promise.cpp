#include "route/promise.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "citer/error.h"

namespace citer {

namespace {

/// Beside a sum of doubles.
constexpr double kNegligible = 1e-18;

/// What one task says of one threshold.
struct Finding {
  const TaskEvidence* task = nullptr;
  int harms = 0;
  double p_value = -1.0;
};

double p_value_of(int examples, int harms, double accuracy) {
  return examples > 0 ? binomial_tail(examples, 1 - accuracy, harms) : 1.0;
}

/// Of all tasks the one that comes nearest to failing; of no tasks none.
Finding weakest(const std::vector<TaskEvidence>& tasks, std::size_t threshold, double accuracy) {
  Finding out;
  for (const TaskEvidence& task : tasks) {
    const int harms = task.harms[threshold];
    const double p_value = p_value_of(task.examples, harms, accuracy);
    if (p_value > out.p_value) out = {&task, harms, p_value};
  }
  return out;
}

/// How many examples it would take to show it at this rate of harms.
std::optional<int> examples_needed(const Promise& found) {
  constexpr int kMost = 1'000'000;
  const PromiseOptions& options = found.asked;
  const double rate = found.examples > 0 ? static_cast<double>(found.harms) / found.examples : 0.0;
  const auto is_enough = [&](int n) {
    const int harms = static_cast<int>(std::ceil(rate * n));
    return p_value_of(n, harms, options.accuracy) <= 1 - options.confidence;
  };
  if (rate >= 1 - options.accuracy) return std::nullopt;
  int enough = std::max(found.examples, 1);
  while (enough < kMost && !is_enough(enough)) enough *= 2;
  if (enough >= kMost) return std::nullopt;
  for (int too_few = enough / 2; enough - too_few > 1;) {
    const int middle = too_few + (enough - too_few) / 2;
    (is_enough(middle) ? enough : too_few) = middle;
  }
  return enough;
}

}  // namespace

void check(const PromiseOptions& options) {
  const auto check_part = [](const char* name, double value) {
    if (!(value > 0 && value < 1)) {
      throw FieldError({name},
                       fmt::format("expected more than 0 and less than 1, found {}", value));
    }
  };
  check_part("accuracy", options.accuracy);
  check_part("confidence", options.confidence);
}

double binomial_tail(int n, double p, int k) {
  if (k < 0) return 0.0;
  if (k >= n) return 1.0;
  // From the likeliest number on, down and up: no term before it is too small to be told from 0.
  const int start = std::min(k, static_cast<int>((n + 1) * p));
  const double likeliest =
      std::exp(std::lgamma(n + 1.0) - std::lgamma(start + 1.0) - std::lgamma(n - start + 1.0) +
               start * std::log(p) + (n - start) * std::log1p(-p));
  const double odds = p / (1 - p);
  double sum = 0.0;
  double term = likeliest;
  for (int i = start; i >= 0 && term > kNegligible * sum; --i) {
    sum += term;
    term *= i / (n - i + 1.0) / odds;
  }
  term = likeliest;
  for (int i = start + 1; i <= k; ++i) {
    term *= (n - i + 1.0) / i * odds;
    sum += term;
  }
  return std::min(1.0, sum);
}

Promise make_promise(const PromiseOptions& options, const std::vector<double>& thresholds,
                     const std::vector<TaskEvidence>& tasks) {
  check(options);
  Promise out{.asked = options};
  for (std::size_t k = thresholds.size(); k-- > 0 && !tasks.empty();) {
    const Finding finding = weakest(tasks, k, options.accuracy);
    const bool shown = finding.p_value <= 1 - options.confidence;
    if (shown || k + 1 == thresholds.size()) {
      out.task = finding.task->task;
      out.examples = finding.task->examples;
      out.harms = finding.harms;
    }
    if (!shown) break;
    out.threshold = thresholds[k];
  }
  if (!out.threshold) out.needed = examples_needed(out);
  return out;
}

}  // namespace citer
