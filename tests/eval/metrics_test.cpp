#include "eval/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "eval/settings.h"

namespace citer {
namespace {

std::vector<bool> bits(int right, int wrong) {
  std::vector<bool> out(static_cast<std::size_t>(right), true);
  out.resize(static_cast<std::size_t>(right + wrong), false);
  return out;
}

TEST(Metrics, BootstrapIntervalIsNearTheNormalOne) {
  const Estimate e = accuracy_estimate(bits(300, 100));
  EXPECT_DOUBLE_EQ(e.value, 0.75);
  const double half = 1.96 * std::sqrt(0.75 * 0.25 / 400);
  EXPECT_NEAR(e.low, 0.75 - half, 0.01);
  EXPECT_NEAR(e.high, 0.75 + half, 0.01);
  EXPECT_EQ(accuracy_estimate({}).value, 0.0);
  const Estimate sure = accuracy_estimate(bits(50, 0));
  EXPECT_EQ(sure.low, 1.0);
  EXPECT_EQ(sure.high, 1.0);
}

TEST(Metrics, McNemarAgreesWithTheBinomialTable) {
  EXPECT_DOUBLE_EQ(mcnemar_p_value(0, 0), 1.0);
  EXPECT_NEAR(mcnemar_p_value(0, 5), 2 * std::pow(0.5, 5), 1e-12);
  EXPECT_NEAR(mcnemar_p_value(1, 9), 2 * 11 / 1024.0, 1e-12);
  EXPECT_DOUBLE_EQ(mcnemar_p_value(7, 7), 1.0);
  EXPECT_EQ(mcnemar_p_value(3, 40), mcnemar_p_value(40, 3));
  EXPECT_LT(mcnemar_p_value(100, 1000), 1e-100);
}

TEST(Metrics, PairedDifferenceKeepsThePairs) {
  // The same examples right under both: the difference is surely zero, whatever the accuracy.
  const Estimate same = paired_difference(bits(30, 70), bits(30, 70));
  EXPECT_EQ(same.value, 0.0);
  EXPECT_EQ(same.low, 0.0);
  EXPECT_EQ(same.high, 0.0);
  EXPECT_DOUBLE_EQ(paired_difference(bits(60, 40), bits(50, 50)).value, 0.1);
}

TEST(Metrics, QuantileInterpolates) {
  EXPECT_EQ(quantile({}, 0.5), 0.0);
  EXPECT_EQ(quantile({3}, 0.99), 3.0);
  EXPECT_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_EQ(quantile({1, 2}, 1.0), 2.0);
}

TEST(RecoveryCurve, StraightLineRecoversHalfTheArea) {
  const RecoveryCurve line(0.2, 0.8, {});
  EXPECT_DOUBLE_EQ(line.area(), 0.5);
  EXPECT_DOUBLE_EQ(*line.share_for(0.5), 0.5);
  EXPECT_DOUBLE_EQ(*line.share_for(0.0), 0.0);
  EXPECT_DOUBLE_EQ(line.recovered(0.5), 0.5);
}

TEST(RecoveryCurve, UsesTheNonDecreasingHull) {
  // The dip at share 0.6 does not count against the curve.
  const RecoveryCurve curve(0.0, 1.0, {{0.2, 0.8}, {0.6, 0.7}});
  EXPECT_DOUBLE_EQ(*curve.share_for(0.8), 0.2);
  EXPECT_DOUBLE_EQ(*curve.share_for(0.4), 0.1);
  EXPECT_DOUBLE_EQ(curve.area(), 0.5 * 0.2 * 0.8 + 0.4 * 0.8 + 0.4 * 0.9);
  EXPECT_NEAR(*curve.share_for(0.9), 0.8, 1e-12);
}

TEST(RecoveryCurve, AnAccuracyAboveEveryPointIsNotReached) {
  const RecoveryCurve curve(0.2, 0.8, {});
  EXPECT_FALSE(curve.share_for_accuracy(0.9).has_value());
  EXPECT_EQ(*curve.share_for_accuracy(0.1), 0.0);
}

TEST(Settings, ThresholdsLetTheBudgetsThrough) {
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

TEST(Settings, EqualThresholdsAreListedOnce) {
  EXPECT_EQ(thresholds_for_budgets({0.5F, 0.5F, 0.5F}, {0.1, 0.2, 0.9}).size(), 1U);
  EXPECT_TRUE(thresholds_for_budgets({}, {0.1}).empty());
  EXPECT_EQ(thresholds_for_budgets({1.0F}, {0.5}), std::vector<double>{1.0})
      << "no threshold above 1";
}

}  // namespace
}  // namespace citer
