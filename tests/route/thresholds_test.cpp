#include "route/thresholds.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace citer {
namespace {

TEST(Thresholds, ThresholdsLetTheBudgetsThrough) {
  std::vector<double> scores;
  for (int i = 0; i < 100; ++i) scores.push_back(static_cast<double>(i) / 100.0);
  const std::vector<double> thresholds = thresholds_for_budgets(scores, {0.1, 0.5});
  ASSERT_EQ(thresholds.size(), 2U);
  for (std::size_t k = 0; k < 2; ++k) {
    const auto below =
        std::count_if(scores.begin(), scores.end(), [&](double s) { return s < thresholds[k]; });
    EXPECT_EQ(below, k == 0 ? 10 : 50);
  }
}

TEST(Thresholds, EqualThresholdsAreListedOnce) {
  EXPECT_EQ(thresholds_for_budgets({0.5, 0.5, 0.5}, {0.1, 0.2, 0.9}).size(), 1U);
  EXPECT_TRUE(thresholds_for_budgets({}, {0.1}).empty());
  EXPECT_EQ(thresholds_for_budgets({1.0}, {0.5}), std::vector<double>{1.0})
      << "no threshold above 1";
}

/// Of scores that a float would round to 1, half is still half.
TEST(Thresholds, ScoresNearOneStayApart) {
  std::vector<double> scores;
  for (int i = 0; i < 100; ++i) scores.push_back(sigmoid(18.0 + 0.1 * i));
  const auto thresholds = thresholds_for_budgets(scores, {0.5});
  ASSERT_EQ(thresholds.size(), 1U);
  EXPECT_LT(thresholds[0], 1.0);
  EXPECT_EQ(
      std::count_if(scores.begin(), scores.end(), [&](double s) { return s < thresholds[0]; }), 50);
}

TEST(Thresholds, LogitsAndScores) {
  EXPECT_NEAR(logit(sigmoid(20.0)), 20.0, 1e-6);
  EXPECT_NEAR(logit(sigmoid(-30.0)), -30.0, 1e-6);
  EXPECT_EQ(sigmoid(0.0), 0.5);
}

}  // namespace
}  // namespace citer
