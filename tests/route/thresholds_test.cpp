#include "route/thresholds.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace citer {
namespace {

TEST(Thresholds, ThresholdsLetTheBudgetsThrough) {
  std::vector<float> scores;
  for (int i = 0; i < 100; ++i) scores.push_back(static_cast<float>(i) / 100.0F);
  const std::vector<double> thresholds = thresholds_for_budgets(scores, {0.1, 0.5});
  ASSERT_EQ(thresholds.size(), 2U);
  for (std::size_t k = 0; k < 2; ++k) {
    const auto below =
        std::count_if(scores.begin(), scores.end(), [&](float s) { return s < thresholds[k]; });
    EXPECT_EQ(below, k == 0 ? 10 : 50);
  }
}

TEST(Thresholds, EqualThresholdsAreListedOnce) {
  EXPECT_EQ(thresholds_for_budgets({0.5F, 0.5F, 0.5F}, {0.1, 0.2, 0.9}).size(), 1U);
  EXPECT_TRUE(thresholds_for_budgets({}, {0.1}).empty());
  EXPECT_EQ(thresholds_for_budgets({1.0F}, {0.5}), std::vector<double>{1.0})
      << "no threshold above 1";
}

}  // namespace
}  // namespace citer
