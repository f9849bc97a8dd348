#include "learn/promise.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "citer/error.h"

namespace citer {

namespace {

/// What one task says of one threshold.
struct Evidence {
  int examples = 0;
  int harms = 0;
  double p_value = 1.0;
};

Evidence evidence_of(const TaskOutcomes& task, std::size_t threshold, double accuracy) {
  Evidence out;
  for (std::size_t i = 0; i < task.llm.size(); ++i) {
    if (!task.llm[i]) continue;
    ++out.examples;
    out.harms += task.routed[threshold][i] ? 0 : 1;
  }
  if (out.examples > 0) out.p_value = binomial_tail(out.examples, 1 - accuracy, out.harms);
  return out;
}

/// Of all tasks the one that comes nearest to failing.
Evidence weakest(const std::vector<TaskOutcomes>& tasks, std::size_t threshold, double accuracy) {
  Evidence out{0, 0, -1.0};
  for (const TaskOutcomes& task : tasks) {
    const Evidence evidence = evidence_of(task, threshold, accuracy);
    if (evidence.p_value > out.p_value) out = evidence;
  }
  return out;
}

/// How many examples it would take to show it at this rate of harms.
std::optional<int> examples_needed(const Evidence& evidence, const PromiseOptions& options) {
  constexpr int kMost = 1'000'000;
  const double rate =
      evidence.examples > 0 ? static_cast<double>(evidence.harms) / evidence.examples : 0.0;
  if (rate >= 1 - options.accuracy) return std::nullopt;
  for (int n = std::max(evidence.examples, 1); n < kMost; n += 1 + n / 2000) {
    const int harms = static_cast<int>(std::ceil(rate * n));
    if (binomial_tail(n, 1 - options.accuracy, harms) <= 1 - options.confidence) return n;
  }
  return std::nullopt;
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
  if (k >= n) return 1.0;
  double sum = 0.0;
  for (int i = 0; i <= k; ++i) {
    sum += std::exp(std::lgamma(n + 1.0) - std::lgamma(i + 1.0) - std::lgamma(n - i + 1.0) +
                    i * std::log(p) + (n - i) * std::log1p(-p));
  }
  return std::min(1.0, sum);
}

Promise make_promise(const PromiseOptions& options, const std::vector<double>& thresholds,
                     const std::vector<TaskOutcomes>& tasks) {
  check(options);
  Promise out{.asked = options};
  for (std::size_t k = thresholds.size(); k-- > 0;) {
    const Evidence evidence = weakest(tasks, k, options.accuracy);
    const bool shown = evidence.p_value >= 0 && evidence.p_value <= 1 - options.confidence;
    if (shown || k + 1 == thresholds.size()) {
      out.examples = evidence.examples;
      out.harms = evidence.harms;
    }
    if (!shown) {
      if (!out.threshold) out.needed = examples_needed(evidence, options);
      break;
    }
    out.threshold = thresholds[k];
  }
  return out;
}

}  // namespace citer
