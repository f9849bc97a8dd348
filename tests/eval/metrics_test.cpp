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

}  // namespace
}  // namespace citer
