#pragma once

#include "eval/evaluation.h"

namespace citer::test {

/// Text that breaks a page which does not escape it.
inline constexpr const char* kNasty =
    "Is a < b && b > c?</script><!--<script>window.broken = 1</script>\n"
    "<img src=x onerror=\"window.broken = 2\"> \"quoted\" 'single' &amp; \\boxed{1} caf\xc3\xa9 "
    "\xe2\x88\x9a";

/// Two datasets of 200 examples under slm, llm, oracle, maxprob, citer, random and a policy the
/// report has never heard of, at five thresholds each: accuracy and share rise as real ones do, and
/// maxprob's score is better than random's. The first three examples of each dataset are readable;
/// the first prompt of `math` is kNasty. The same on every call.
EvalResults sample_results();

/// sample_results() with only these policies.
EvalResults sample_results_of(const std::vector<std::string>& policies);

}  // namespace citer::test
