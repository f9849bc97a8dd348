#include "model/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "base/rng.h"
#include "citer/error.h"
#include "support/compare.h"
#include "support/error_text.h"
#include "support/read_row.h"

namespace citer {
namespace {

using test::error_text;
using test::softmax;
using testing::HasSubstr;

constexpr int kVocab = 12;
constexpr int kDraws = 20000;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Nothing but the temperature.
SamplingOptions unfiltered(double temperature = 1.0) {
  SamplingOptions options;
  options.temperature = temperature;
  options.top_k = 0;
  options.top_p = 1.0;
  options.min_p = 0.0;
  return options;
}

std::vector<float> some_logits(std::uint64_t seed = 1, float spread = 3.0F) {
  Rng rng(seed);
  std::vector<float> logits(kVocab);
  for (float& logit : logits) logit = spread * static_cast<float>(rng.unit());
  return logits;
}

/// How often each token is drawn; each draw has a context of another length.
std::vector<int> count_draws(const SamplingOptions& options, const std::vector<float>& logits) {
  static const std::vector<Token> context(kDraws, 0);
  Sampler sampler(kVocab, options, 7);
  std::vector<int> counts(kVocab, 0);
  for (std::size_t n = 0; n < kDraws; ++n) {
    ++counts.at(static_cast<std::size_t>(sampler.sample(logits, std::span(context).first(n))));
  }
  return counts;
}

/// Pearson's chi-square lies within five deviations of its mean; what has no share is never drawn.
void expect_distribution(const std::vector<int>& counts, const std::vector<double>& shares) {
  double chi_square = 0.0;
  int freedom = -1;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (shares[i] == 0.0) {
      EXPECT_EQ(counts[i], 0) << "token " << i << " was filtered out";
      continue;
    }
    const double expected = shares[i] * kDraws;
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
    ++freedom;
  }
  EXPECT_LE(chi_square, freedom + 5 * std::sqrt(2.0 * freedom));
}

/// The shares after setting to zero what `keep` refuses.
std::vector<double> restrict_to(std::vector<double> shares, const std::set<int>& keep) {
  double sum = 0.0;
  for (int i = 0; i < kVocab; ++i) {
    double& share = shares[static_cast<std::size_t>(i)];
    share = keep.count(i) != 0 ? share : 0.0;
    sum += share;
  }
  for (double& share : shares) share /= sum;
  return shares;
}

std::vector<int> by_likelihood(const std::vector<float>& logits) {
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
  });
  return order;
}

TEST(SamplerTest, TemperatureZeroTakesTheLikeliest) {
  Sampler sampler(kVocab, {}, 0);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::vector<float> logits = some_logits(seed);
    EXPECT_EQ(sampler.sample(logits, {}), by_likelihood(logits).front());
  }
  EXPECT_EQ(sampler.sample(std::vector<float>(kVocab, 1.0F), {}), 0) << "ties go to the first";
}

TEST(SamplerTest, DrawsFollowTheSoftmax) {
  const std::vector<float> logits = some_logits();
  for (const double temperature : {0.5, 1.0, 2.0}) {
    SCOPED_TRACE(temperature);
    expect_distribution(count_draws(unfiltered(temperature), logits), softmax(logits, temperature));
  }
}

TEST(SamplerTest, ImpossibleTokensAreNeverDrawn) {
  std::vector<float> logits = some_logits();
  logits[3] = logits[8] = -kInfinity;
  expect_distribution(count_draws(unfiltered(), logits), softmax(logits));
}

TEST(SamplerTest, TopK) {
  const std::vector<float> logits = some_logits(2);
  SamplingOptions options = unfiltered();
  options.top_k = 4;
  const std::vector<int> order = by_likelihood(logits);
  expect_distribution(count_draws(options, logits),
                      restrict_to(softmax(logits), {order.begin(), order.begin() + 4}));
}

TEST(SamplerTest, TopP) {
  const std::vector<float> logits = some_logits(3);
  SamplingOptions options = unfiltered();
  options.top_p = 0.6;
  const std::vector<double> shares = softmax(logits);
  std::set<int> keep;
  double sum = 0.0;
  for (const int token : by_likelihood(logits)) {
    keep.insert(token);
    sum += shares[static_cast<std::size_t>(token)];
    if (sum >= 0.6) break;
  }
  ASSERT_LT(keep.size(), static_cast<std::size_t>(kVocab));
  expect_distribution(count_draws(options, logits), restrict_to(shares, keep));
}

TEST(SamplerTest, MinP) {
  const std::vector<float> logits = some_logits(4);
  SamplingOptions options = unfiltered();
  options.min_p = 0.3;
  const std::vector<double> shares = softmax(logits);
  const double top = *std::max_element(shares.begin(), shares.end());
  std::set<int> keep;
  for (int i = 0; i < kVocab; ++i) {
    if (shares[static_cast<std::size_t>(i)] >= 0.3 * top) keep.insert(i);
  }
  ASSERT_LT(keep.size(), static_cast<std::size_t>(kVocab));
  expect_distribution(count_draws(options, logits), restrict_to(shares, keep));
}

TEST(SamplerTest, DrawsAmongAllowedTokensFollowTheirShares) {
  const std::vector<float> logits = some_logits();
  const std::set<int> keep = {1, 4, 5, 9};
  std::vector<bool> allowed(kVocab + 3);  // more tokens than logits do no harm
  for (const int token : keep) allowed[static_cast<std::size_t>(token)] = true;
  static const std::vector<Token> context(kDraws, 0);
  Sampler sampler(kVocab, unfiltered(), 7);
  std::vector<int> counts(kVocab, 0);
  for (std::size_t n = 0; n < kDraws; ++n) {
    const Token token = sampler.sample(logits, std::span(context).first(n), kNoToken, &allowed);
    ++counts.at(static_cast<std::size_t>(token));
  }
  expect_distribution(counts, restrict_to(softmax(logits), keep));
}

TEST(SamplerTest, WhereNoAllowedTokenIsLeftThereIsNone) {
  const std::vector<float> logits = some_logits();
  SamplingOptions options;
  std::vector<bool> allowed(kVocab);
  Sampler sampler(kVocab, options, 7);
  EXPECT_EQ(sampler.sample(logits, {}, kNoToken, &allowed), kNoToken);
  allowed[3] = true;
  EXPECT_EQ(sampler.sample(logits, {}, kNoToken, &allowed), 3);
  EXPECT_EQ(sampler.sample(logits, {}, 3, &allowed), kNoToken);
  options.logit_bias = {{3, -kInfinity}};
  EXPECT_EQ(Sampler(kVocab, options, 7).sample(logits, {}, kNoToken, &allowed), kNoToken);
}

TEST(SamplerTest, FiltersComeBeforeTheTemperature) {
  const std::vector<float> logits = some_logits(5);
  SamplingOptions options = unfiltered(4.0);
  options.min_p = 0.3;
  const std::vector<double> shares = softmax(logits);
  const double top = *std::max_element(shares.begin(), shares.end());
  std::set<int> keep;
  for (int i = 0; i < kVocab; ++i) {
    if (shares[static_cast<std::size_t>(i)] >= 0.3 * top) keep.insert(i);
  }
  expect_distribution(count_draws(options, logits), restrict_to(softmax(logits, 4.0), keep));
}

TEST(SamplerTest, PenaltiesChangeTheChoice) {
  std::vector<float> logits(kVocab, 0.0F);
  logits[5] = 2.0F;
  logits[6] = 1.9F;
  const std::vector<Token> context = {5, 1, 2};
  const auto choose = [&](auto set) {
    SamplingOptions options;
    set(options);
    return Sampler(kVocab, options, 0).sample(logits, context);
  };
  EXPECT_EQ(choose([](SamplingOptions&) {}), 5);
  EXPECT_EQ(choose([](SamplingOptions& o) { o.repeat_penalty = 1.5; }), 6);
  EXPECT_EQ(choose([](SamplingOptions& o) { o.frequency_penalty = 0.5; }), 6);
  EXPECT_EQ(choose([](SamplingOptions& o) { o.presence_penalty = 0.5; }), 6);
  EXPECT_EQ(choose([](SamplingOptions& o) { o.repeat_penalty = 1.5, o.repeat_last_n = 2; }), 5)
      << "token 5 is out of the window";
  EXPECT_EQ(choose([](SamplingOptions& o) { o.presence_penalty = 0.5, o.repeat_last_n = 0; }), 5);
}

TEST(SamplerTest, FrequencyPenaltyCounts) {
  std::vector<float> logits(kVocab, 0.0F);
  logits[5] = 2.0F;
  logits[6] = 1.0F;
  SamplingOptions options;
  options.frequency_penalty = 0.6;
  Sampler sampler(kVocab, options, 0);
  EXPECT_EQ(sampler.sample(logits, std::vector<Token>{5}), 5);
  EXPECT_EQ(sampler.sample(logits, std::vector<Token>{5, 5}), 6);
  EXPECT_EQ(sampler.sample(logits, std::vector<Token>{5}), 5) << "no memory of earlier calls";
}

TEST(SamplerTest, SameAddressSameToken) {
  const std::vector<Token> context(300, 4);
  const std::vector<float> logits = some_logits(6);
  SamplingOptions options = unfiltered();
  options.seed = 3;
  Sampler forward(kVocab, options, 7);
  Sampler backward(kVocab, options, 7);
  Sampler other_stream(kVocab, options, 8);
  options.seed = 4;
  Sampler other_seed(kVocab, options, 7);
  std::vector<Token> seen(300);
  for (std::size_t n = 0; n < 300; ++n)
    seen[n] = forward.sample(logits, std::span(context).first(n));
  int same_in_other_stream = 0;
  int same_with_other_seed = 0;
  for (std::size_t n = 300; n-- > 0;) {
    const auto prefix = std::span(context).first(n);
    EXPECT_EQ(backward.sample(logits, prefix), seen[n]) << "whoever asks and whenever";
    same_in_other_stream += other_stream.sample(logits, prefix) == seen[n] ? 1 : 0;
    same_with_other_seed += other_seed.sample(logits, prefix) == seen[n] ? 1 : 0;
  }
  EXPECT_LT(same_in_other_stream, 150);
  EXPECT_LT(same_with_other_seed, 150);
}

TEST(SamplerTest, CloseDistributionsDrawTheSameToken) {
  const std::vector<float> p = some_logits(7);
  std::vector<float> q = p;
  Rng rng(1);
  for (float& logit : q) logit += 0.3F * static_cast<float>(rng.unit() - 0.5);
  double distance = 0.0;  // total variation
  double independent = 0.0;
  const std::vector<double> p_shares = softmax(p);
  const std::vector<double> q_shares = softmax(q);
  for (std::size_t i = 0; i < p.size(); ++i) {
    distance += std::abs(p_shares[i] - q_shares[i]) / 2;
    independent += p_shares[i] * q_shares[i];
  }
  const std::vector<Token> context(kDraws, 0);
  Sampler a(kVocab, unfiltered(), 1);
  Sampler b(kVocab, unfiltered(), 1);
  int agreed = 0;
  for (std::size_t n = 0; n < kDraws; ++n) {
    const auto prefix = std::span(context).first(n);
    agreed += a.sample(p, prefix) == b.sample(q, prefix) ? 1 : 0;
  }
  // Daliri, Musco, Suresh, theorem 1: at least (1 - D) / (1 + D).
  const double rate = static_cast<double>(agreed) / kDraws;
  EXPECT_GE(rate, (1 - distance) / (1 + distance) - 0.02);
  EXPECT_GT(rate, independent + 0.5);
}

/// A vocabulary like a real one, a few likely tokens.
std::vector<float> long_row(std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> logits(20000);
  for (float& logit : logits) logit = -6 + 4 * static_cast<float>(rng.unit());
  for (int i = 0; i < 200; ++i) {
    logits[static_cast<std::size_t>(rng.uniform(0, 19999))] = 8 * static_cast<float>(rng.unit());
  }
  return logits;
}

TEST(SamplerTest, TheLikeliestGiveTheTokenThatTheWholeRowGives) {
  std::vector<SamplingOptions> all(9);
  for (std::size_t i = 1; i < all.size(); ++i) all[i].temperature = 0.8;
  all[2].top_k = 63;
  all[3].top_k = 64;  // from here on the likeliest may not be enough
  all[4].top_k = 0;
  all[5] = unfiltered();
  all[5].min_p = 0.2;
  all[6] = unfiltered();
  all[6].min_p = 1e-6;
  all[7] = unfiltered();
  all[8].repeat_penalty = 1.3;
  std::vector<bool> allowed(20000);
  for (std::size_t i = 0; i < allowed.size(); i += 3) allowed[i] = true;
  const std::vector<Token> context(100, 7);
  for (std::size_t k = 0; k < all.size(); ++k) {
    SCOPED_TRACE(k);
    Sampler sampler(20000, all[k], 7);
    EXPECT_EQ(sampler.needs_logits(), k >= 3);
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      const std::vector<float> logits = long_row(seed);
      const test::ReadRow read(logits);
      Row row = read.row();
      if (!sampler.needs_logits()) row.logits = {};
      const auto place = std::span(context).first(seed);
      const Token token = sampler.sample(row, place);
      ASSERT_EQ(token, sampler.sample(logits, place));
      ASSERT_EQ(sampler.sample(row, place, token), sampler.sample(logits, place, token));
      ASSERT_EQ(sampler.sample(read.row(), place, token, &allowed),
                sampler.sample(logits, place, token, &allowed));
    }
  }
}

TEST(SamplerTest, OptionsOutOfRangeNameTheField) {
  const auto refused = [](auto set) {
    SamplingOptions options;
    set(options);
    return error_text<UsageError>([&] { Sampler(kVocab, options, 0); });
  };
  EXPECT_EQ(refused([](auto& o) { o.temperature = -0.5; }),
            "temperature: expected a number >= 0, found -0.5");
  EXPECT_THAT(refused([](auto& o) { o.temperature = std::nan(""); }), HasSubstr("temperature"));
  EXPECT_THAT(refused([](auto& o) { o.temperature = HUGE_VAL; }), HasSubstr("temperature"));
  EXPECT_THAT(refused([](auto& o) { o.top_k = -1; }), HasSubstr("top_k"));
  EXPECT_THAT(refused([](auto& o) { o.top_p = 0; }), HasSubstr("top_p"));
  EXPECT_THAT(refused([](auto& o) { o.top_p = 1.01; }), HasSubstr("top_p"));
  EXPECT_THAT(refused([](auto& o) { o.min_p = -0.1; }), HasSubstr("min_p"));
  EXPECT_THAT(refused([](auto& o) { o.min_p = 1.5; }), HasSubstr("min_p"));
  EXPECT_THAT(refused([](auto& o) { o.repeat_penalty = 0; }), HasSubstr("repeat_penalty"));
  EXPECT_THAT(refused([](auto& o) { o.repeat_last_n = -2; }), HasSubstr("repeat_last_n"));
  EXPECT_THAT(refused([](auto& o) { o.frequency_penalty = std::nan(""); }),
              HasSubstr("frequency_penalty"));
  EXPECT_THAT(refused([](auto& o) { o.presence_penalty = HUGE_VAL; }),
              HasSubstr("presence_penalty"));
}

}  // namespace
}  // namespace citer
