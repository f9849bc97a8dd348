// Which positions are rolled out, and what their labels then weigh.
#include "learn/choose.h"

#include <gtest/gtest.h>

#include <numeric>

namespace citer {
namespace {

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

TEST(Choose, ProbabilitiesFollowValuesUpToOne) {
  const std::vector<double> values = {1, 2, 1, 4};
  const auto two = inclusion_probabilities(values, 2);
  EXPECT_NEAR(sum(two), 2, 1e-12);
  EXPECT_DOUBLE_EQ(two[1], 0.5);
  EXPECT_DOUBLE_EQ(two[3], 1.0);
  const auto three = inclusion_probabilities(values, 3);
  EXPECT_NEAR(sum(three), 3, 1e-12);
  EXPECT_DOUBLE_EQ(three[3], 1.0) << "nothing is chosen twice; the rest shares what is left";
  EXPECT_DOUBLE_EQ(three[1], 1.0);
  EXPECT_DOUBLE_EQ(three[0], 0.5);
  EXPECT_EQ(inclusion_probabilities(values, 7), std::vector<double>(4, 1.0));
  EXPECT_TRUE(inclusion_probabilities({}, 3).empty());
}

TEST(Choose, AsManyAsAskedForAndWeightedSumsAreUnbiased) {
  const std::vector<double> values = {0.1, 0.7, 1.1, 0.2, 0.9, 0.4, 3.0, 0.1};
  const std::vector<double> labels = {1, 0, 1, 1, 0, 1, 0, 0};
  const auto probabilities = inclusion_probabilities(values, 3);
  constexpr int kDraws = 20000;
  double estimate = 0.0;
  for (int d = 0; d < kDraws; ++d) {
    const auto chosen = choose(probabilities, (d + 0.5) / kDraws);
    int n = 0;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (!chosen[i]) continue;
      ++n;
      estimate += labels[i] / probabilities[i] / kDraws;
    }
    ASSERT_EQ(n, 3);
  }
  EXPECT_NEAR(estimate, sum(labels), 1e-3);
}

}  // namespace
}  // namespace citer
