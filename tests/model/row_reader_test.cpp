#include "model/row_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/rng.h"
#include "support/read_row.h"

namespace citer {
namespace {

using test::ReadRow;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kNan = std::nanf("");

std::vector<float> some_logits(int n, float scale, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> logits(static_cast<std::size_t>(n));
  for (float& logit : logits) logit = scale * static_cast<float>(rng.unit() - 0.5);
  return logits;
}

/// The definitions, in doubles and without shortcuts.
void expect_as_defined(const std::vector<float>& logits) {
  const ReadRow read(logits);
  const RowStats& stats = read.stats;
  ASSERT_EQ(stats.n_vocab, logits.size());

  std::vector<Token> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](Token a, Token b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  ASSERT_EQ(stats.likeliest.size(), std::min(kLikeliest, logits.size()));
  for (std::size_t i = 0; i < stats.likeliest.size(); ++i) {
    ASSERT_EQ(stats.likeliest[i].id, order[i]) << "place " << i;
    ASSERT_EQ(stats.likeliest[i].logit, logits[static_cast<std::size_t>(order[i])]);
  }

  const double top = stats.likeliest.front().logit;
  double z = 0.0;
  double weighted = 0.0;
  for (const float logit : logits) {
    const double share = std::exp(logit - top);
    z += share;
    if (share > 0) weighted += (logit - top) * share;
  }
  EXPECT_NEAR(stats.log_sum, std::log(z), 1e-6);
  EXPECT_NEAR(stats.entropy, std::log(z) - weighted / z, 1e-5);
  EXPECT_NEAR(stats.probability(0), 1 / z, 1e-6);
}

TEST(RowReaderTest, ReadsWhatIsDefined) {
  for (const float scale : {0.01F, 1.0F, 10.0F, 100.0F, 1e6F}) {
    for (const int n : {1, 2, 3, 17, 64, 65, 128, 129, 1000, 8191, 8192, 151936}) {
      SCOPED_TRACE(testing::Message() << n << " logits of size " << scale);
      expect_as_defined(some_logits(n, scale, 1));
    }
  }
}

TEST(RowReaderTest, FindsTheLikeliestWhereverTheyAre) {
  Rng rng(2);
  for (int round = 0; round < 100; ++round) {
    std::vector<float> logits(20000, -8.0F);
    // Many in one block, few in others, some equal.
    const auto base = static_cast<std::size_t>(rng.uniform(0, 19000));
    for (std::size_t i = 0; i < 100; ++i) {
      logits[base + i] = static_cast<float>(rng.uniform(0, 40));
      logits[static_cast<std::size_t>(rng.uniform(0, 19999))] =
          static_cast<float>(rng.uniform(0, 9));
    }
    expect_as_defined(logits);
  }
}

TEST(RowReaderTest, EqualLogitsComeByTheirIds) {
  const ReadRow read(std::vector<float>(50000, 3.0F));
  EXPECT_EQ(read.stats.likeliest.front().id, 0);
  EXPECT_EQ(read.stats.likeliest.back().id, static_cast<Token>(kLikeliest) - 1);
  EXPECT_NEAR(read.stats.probability(0), 1.0 / 50000, 1e-9);
  EXPECT_NEAR(read.stats.entropy, std::log(50000.0), 1e-4);
}

TEST(RowReaderTest, ImpossibleTokensCountNothing) {
  expect_as_defined({-kInfinity, 1.0F, -kInfinity, 2.0F});
  const ReadRow alone({-kInfinity, 5.0F, -kInfinity});
  EXPECT_DOUBLE_EQ(alone.stats.probability(0), 1.0);
  EXPECT_DOUBLE_EQ(alone.stats.probability(1), 0.0);
  EXPECT_NEAR(alone.stats.entropy, 0.0, 1e-30);
}

TEST(RowReaderTest, HugeLogits) {
  expect_as_defined({1e30F, 1e30F, -1e30F});
  expect_as_defined({-1e30F, -1.1e30F});
  expect_as_defined({std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()});
}

TEST(RowReaderTest, WhatIsNotANumberIsNoToken) {
  std::vector<float> logits = some_logits(5000, 4.0F, 3);
  const ReadRow before(logits);
  for (std::size_t i = 2; i < logits.size(); i += 7) logits[i] = kNan;
  const ReadRow read(logits);
  for (const TokenLogit& listed : read.stats.likeliest) EXPECT_NE(listed.id % 7, 2);
  EXPECT_LT(read.stats.log_sum, before.stats.log_sum + 1);
  EXPECT_EQ(ReadRow({kNan, 1.0F, 2.0F, kNan}).stats.likeliest.size(), 2U);
  EXPECT_TRUE(ReadRow({kNan, kNan}).stats.likeliest.empty());
}

TEST(RowReaderTest, SumsAreLeftOutWhereNobodyAsks) {
  const std::vector<float> logits = some_logits(1000, 4.0F, 4);
  std::vector<TokenLogit> place(kLikeliest);
  const RowStats stats = RowReader().read(logits, false, place);
  EXPECT_TRUE(std::isnan(stats.log_sum));
  EXPECT_TRUE(std::isnan(stats.entropy));
  EXPECT_EQ(stats.likeliest.size(), kLikeliest);
}

TEST(Logprobs, AreOfTheSoftmax) {
  const std::vector<float> logits = some_logits(1000, 12.0F, 5);
  const ReadRow read(logits);
  double z = 0.0;
  for (const float logit : logits) z += std::exp(double{logit});
  // One that is not among the likeliest, and more than are listed.
  const Token last =
      static_cast<Token>(std::min_element(logits.begin(), logits.end()) - logits.begin());
  for (const int top : {0, 3, 64, 65, 1000}) {
    const TokenLogprobs found = logprobs_of(read.row(), last, top);
    EXPECT_NEAR(found.logprob, logits[static_cast<std::size_t>(last)] - std::log(z), 1e-5);
    ASSERT_EQ(found.top.size(), static_cast<std::size_t>(top));
    for (std::size_t i = 0; i < found.top.size(); ++i) {
      EXPECT_NEAR(found.top[i].second,
                  logits[static_cast<std::size_t>(found.top[i].first)] - std::log(z), 1e-5);
      EXPECT_LE(found.top[i].second, found.top[i == 0 ? 0 : i - 1].second);
    }
  }
}

}  // namespace
}  // namespace citer
