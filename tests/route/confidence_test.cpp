#include "route/confidence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace citer {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// The definitions, in doubles.
Confidence plain_confidence(const std::vector<float>& logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  std::vector<double> shares;
  double sum = 0.0;
  for (const float logit : logits) {
    shares.push_back(std::exp(logit - top));
    sum += shares.back();
  }
  double entropy = 0.0;
  for (double& share : shares) {
    share /= sum;
    if (share > 0) entropy -= share * std::log(share);
  }
  std::sort(shares.begin(), shares.end(), std::greater<>());
  return {shares[0], shares.size() > 1 ? shares[0] - shares[1] : shares[0], entropy};
}

void expect_close(const std::vector<float>& logits) {
  const Confidence found = confidence(logits);
  const Confidence expected = plain_confidence(logits);
  EXPECT_NEAR(found.top, expected.top, 1e-5);
  EXPECT_NEAR(found.margin, expected.margin, 1e-5);
  EXPECT_NEAR(found.entropy, expected.entropy, 1e-4);
}

TEST(ConfidenceTest, AgreesWithTheDefinitions) {
  Rng rng(1);
  for (const float scale : {0.01F, 1.0F, 10.0F, 100.0F, 1e6F}) {
    for (const int n : {1, 2, 3, 17, 1000}) {
      std::vector<float> logits(static_cast<std::size_t>(n));
      for (float& logit : logits) logit = scale * static_cast<float>(rng.unit() - 0.5);
      SCOPED_TRACE(testing::Message() << n << " logits of size " << scale);
      expect_close(logits);
    }
  }
}

TEST(ConfidenceTest, ManyEqualLogits) {
  const Confidence c = confidence(std::vector<float>(50000, 3.0F));
  EXPECT_NEAR(c.top, 1.0 / 50000, 1e-9);
  EXPECT_NEAR(c.margin, 0.0, 1e-12);
  EXPECT_NEAR(c.entropy, std::log(50000.0), 1e-4);
}

TEST(ConfidenceTest, ImpossibleTokensCountNothing) {
  expect_close({-kInfinity, 1.0F, -kInfinity, 2.0F});
  const Confidence alone = confidence(std::vector<float>{-kInfinity, 5.0F, -kInfinity});
  EXPECT_DOUBLE_EQ(alone.top, 1.0);
  EXPECT_DOUBLE_EQ(alone.margin, 1.0);
  EXPECT_DOUBLE_EQ(alone.entropy, 0.0);
}

TEST(ConfidenceTest, HugeLogits) {
  expect_close({1e30F, 1e30F, -1e30F});
  expect_close({-1e30F, -1.1e30F});
  expect_close({std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()});
}

TEST(ConfidenceTest, OneTokenIsCertain) {
  const Confidence c = confidence(std::vector<float>{-4.0F});
  EXPECT_DOUBLE_EQ(c.top, 1.0);
  EXPECT_DOUBLE_EQ(c.margin, 1.0);
  EXPECT_DOUBLE_EQ(c.entropy, 0.0);
}

}  // namespace
}  // namespace citer
