#include "eval/paired.h"

#include <gtest/gtest.h>

#include <string>

#include "base/rng.h"
#include "eval/metrics.h"

namespace citer {
namespace {

/// A run over n examples of ten tokens each, of which the LLM wrote `llm_tokens`; every `wrong`th
/// example is wrong (0: none).
RunSummary run_of(const std::string& policy, double threshold, int n, int llm_tokens, int wrong) {
  RunSummary run;
  run.setting = {"data", policy, threshold};
  for (int i = 0; i < n; ++i) {
    run.ids.push_back("data/" + std::to_string(i));
    run.correct.push_back(wrong == 0 || i % wrong != 0);
    run.tokens.push_back(10);
    run.llm_tokens.push_back(llm_tokens);
  }
  run.llm_share = ratio_estimate(run.llm_tokens, run.tokens);
  return run;
}

TEST(ChosenPoint, IsTheCheapestThatIsGoodEnough) {
  const RunSummary llm = run_of("llm", 1, 1000, 10, 0);
  const RunSummary cheap = run_of("maxprob", 0.2, 1000, 1, 5);
  const RunSummary good = run_of("maxprob", 0.5, 1000, 2, 500);
  const RunSummary dear = run_of("maxprob", 0.8, 1000, 5, 0);
  const auto point = chosen_point({&cheap, &dear, &good}, llm, 0.99);
  ASSERT_TRUE(point.has_value());
  EXPECT_EQ(point->thresholds, (std::array<double, 2>{0.5, 0.5}));
  EXPECT_DOUBLE_EQ(point->llm_share.value, 0.2);
  EXPECT_DOUBLE_EQ(point->accuracy.value, 0.998);
  EXPECT_DOUBLE_EQ(point->beside_llm.value, -0.002);
  EXPECT_LT(point->beside_llm.low, -0.002);
}

TEST(ChosenPoint, IsNoneWhereNoneIsGoodEnough) {
  const RunSummary llm = run_of("llm", 1, 1000, 10, 0);
  const RunSummary cheap = run_of("maxprob", 0.2, 1000, 1, 5);
  EXPECT_FALSE(chosen_point({&cheap}, llm, 0.99).has_value());
  EXPECT_FALSE(chosen_point({}, llm, 0.99).has_value());
}

/// What is chosen on one half is measured on the other, so luck on the one does not show.
TEST(ChosenPoint, IsMeasuredWhereItWasNotChosen) {
  const RunSummary llm = run_of("llm", 1, 1000, 10, 0);
  std::vector<RunSummary> lucky(2, run_of("maxprob", 0.1, 1000, 1, 0));
  for (std::size_t k = 0; k < 2; ++k) {
    lucky[k].setting.threshold = 0.1 + 0.1 * static_cast<double>(k);
    // Each is right on one half alone: that on which the other is chosen is found by chosen_point.
    for (std::size_t i = 0; i < lucky[k].ids.size(); ++i) {
      lucky[k].correct[i] = (hash64(lucky[k].ids[i]) & 1) == k;
    }
  }
  const auto point = chosen_point({&lucky[0], &lucky[1]}, llm, 0.99);
  ASSERT_TRUE(point.has_value());
  EXPECT_EQ(point->accuracy.value, 0.0);
}

TEST(Counterpart, IsOfTheSameThresholdOrTheNearestShare) {
  Summary b;
  b.runs = {run_of("maxprob", 0.3, 10, 2, 0), run_of("maxprob", 0.6, 10, 5, 0),
            run_of("margin", 0.5, 10, 3, 0)};
  EXPECT_EQ(counterpart(run_of("maxprob", 0.3, 10, 9, 0), b), &b.runs[0]) << "the same setting";
  EXPECT_EQ(counterpart(run_of("maxprob", 0.4, 10, 4, 0), b), &b.runs[1]);
  EXPECT_EQ(counterpart(run_of("entropy", 0.4, 10, 4, 0), b), nullptr);
}

}  // namespace
}  // namespace citer
