#include "eval/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace citer {
namespace {

std::vector<bool> bits(int right, int wrong) {
  std::vector<bool> out(static_cast<std::size_t>(right), true);
  out.resize(static_cast<std::size_t>(right + wrong), false);
  return out;
}

TEST(Metrics, AccuracyHasWilsonsInterval) {
  const Estimate e = accuracy_estimate(bits(300, 100));
  EXPECT_DOUBLE_EQ(e.value, 0.75);
  EXPECT_NEAR(e.low, 0.7053, 0.0001);
  EXPECT_NEAR(e.high, 0.7900, 0.0001);
  EXPECT_EQ(accuracy_estimate({}).value, 0.0);
}

TEST(Metrics, AllRightIsNotSurelyAllRight) {
  const Estimate sure = accuracy_estimate(bits(500, 0));
  EXPECT_EQ(sure.value, 1.0);
  EXPECT_NEAR(sure.low, 0.9924, 0.0001);
  EXPECT_EQ(sure.high, 1.0);
  const Estimate none = accuracy_estimate(bits(0, 500));
  EXPECT_EQ(none.low, 0.0);
  EXPECT_NEAR(none.high, 0.0076, 0.0001);
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
  // The same examples right under both: near zero, whatever the accuracy.
  const Estimate same = paired_difference(bits(30, 70), bits(30, 70));
  EXPECT_EQ(same.value, 0.0);
  EXPECT_NEAR(same.low, -1.96 / 102, 1e-4);
  EXPECT_NEAR(same.high, 1.96 / 102, 1e-4);
  const Estimate more = paired_difference(bits(60, 40), bits(50, 50));
  EXPECT_DOUBLE_EQ(more.value, 0.1);
  EXPECT_GT(more.low, 0.0);
  // As many disagreements both ways: a wider interval.
  std::vector<bool> mirrored = bits(50, 50);
  mirrored.flip();
  EXPECT_LT(paired_difference(bits(50, 50), mirrored).low, -0.15);
}

TEST(Metrics, AsGoodNeedsMoreThanNoDifference) {
  EXPECT_FALSE(as_good(paired_difference(bits(90, 10), bits(90, 10)))) << "100 cannot show 1 %";
  EXPECT_TRUE(as_good(paired_difference(bits(450, 50), bits(450, 50))));
  EXPECT_FALSE(as_good(paired_difference(bits(435, 65), bits(450, 50))));
}

TEST(Metrics, RatioIsOverTheSums) {
  const Estimate e = ratio_estimate({1, 0, 3, 0}, {10, 10, 10, 10});
  EXPECT_DOUBLE_EQ(e.value, 0.1);
  EXPECT_LT(e.low, 0.1);
  EXPECT_GT(e.high, 0.1);
  EXPECT_EQ(ratio_estimate({}, {}).value, 0.0);
  EXPECT_EQ(ratio_estimate({0}, {0}).high, 0.0);
}

TEST(Metrics, QuantileInterpolates) {
  EXPECT_EQ(quantile({}, 0.5), 0.0);
  EXPECT_EQ(quantile({3}, 0.99), 3.0);
  EXPECT_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_EQ(quantile({1, 2}, 1.0), 2.0);
}

TEST(RecoveryCurve, NothingIsJoinedToTheLlmByALine) {
  const RecoveryCurve nothing(0.2, 0.8, {});
  EXPECT_DOUBLE_EQ(nothing.area(), 0.0);
  EXPECT_FALSE(nothing.share_for(0.5).has_value());
  EXPECT_DOUBLE_EQ(*nothing.share_for(0.0), 0.0);
  EXPECT_DOUBLE_EQ(nothing.recovered(0.5), 0.5);
}

TEST(RecoveryCurve, UsesTheBestMeasuredSoFar) {
  // The dip at share 0.6 does not count against the curve.
  const RecoveryCurve curve(0.0, 1.0, {{0.2, 0.8}, {0.6, 0.7}, {0.8, 0.9}});
  EXPECT_DOUBLE_EQ(*curve.share_for(0.8), 0.2);
  EXPECT_DOUBLE_EQ(*curve.share_for(0.4), 0.2);
  EXPECT_DOUBLE_EQ(*curve.share_for(0.85), 0.8);
  EXPECT_DOUBLE_EQ(curve.area(), 0.6 * 0.8 + 0.2 * 0.9);
}

TEST(RecoveryCurve, AnAccuracyAboveEveryPointIsNotReached) {
  const RecoveryCurve curve(0.2, 0.8, {});
  EXPECT_FALSE(curve.share_for_accuracy(0.9).has_value());
  EXPECT_EQ(*curve.share_for_accuracy(0.1), 0.0);
}

}  // namespace
}  // namespace citer
