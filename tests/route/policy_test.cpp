#include "citer/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <list>
#include <vector>

#include "base/rng.h"
#include "citer/error.h"
#include "support/error_text.h"
#include "support/read_row.h"

namespace citer {
namespace {

using test::error_text;
using testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

double score_of(const std::string& policy, const PolicyInput& input) {
  double score = -1.0;
  make_policy(policy)->score({&input, 1}, {&score, 1});
  return score;
}

double score_of(const std::string& policy, const std::vector<float>& slm,
                const std::vector<float>& llm = {}) {
  const test::ReadRow slm_row(slm);
  const test::ReadRow llm_row(llm);
  PolicyInput input;
  input.slm = slm_row.stats;
  input.llm = llm_row.stats;
  return score_of(policy, input);
}

TEST(Policy, KnownValues) {
  const std::vector<float> even = {0, 0, 0, 0};
  const std::vector<float> two_to_one = {std::log(2.0F), 0.0F};
  EXPECT_FLOAT_EQ(score_of("maxprob", even), 0.25F);
  EXPECT_FLOAT_EQ(score_of("margin", even), 0.0F);
  EXPECT_NEAR(score_of("entropy", even), 0.0, 1e-6);
  EXPECT_NEAR(score_of("maxprob", two_to_one), 2.0 / 3, 1e-6);
  EXPECT_NEAR(score_of("margin", two_to_one), 1.0 / 3, 1e-6);
  EXPECT_NEAR(score_of("entropy", two_to_one),
              1 - (std::log(3.0) - 2.0 / 3 * std::log(2.0)) / std::log(2.0), 1e-6);
  EXPECT_EQ(score_of("slm", even), 1.0F);
  EXPECT_EQ(score_of("llm", even), 0.0F);
  EXPECT_EQ(score_of("oracle", {1, 5, 2}, {0, 9, 0}), 1.0F);
  EXPECT_EQ(score_of("oracle", {1, 5, 2}, {0, 0, 1}), 0.0F);
}

double judgement_of(const std::string& policy, const std::vector<float>& slm,
                    const std::vector<float>& llm, Token token) {
  const test::ReadRow slm_row(slm);
  const test::ReadRow llm_row(llm);
  return make_policy(policy)->judge({slm_row.stats, llm_row.stats, token});
}

TEST(Policy, KnownJudgements) {
  const std::vector<float> two_to_one = {std::log(2.0F), 0.0F};
  const std::vector<float> one_to_two = {0.0F, std::log(2.0F)};
  EXPECT_NEAR(judgement_of("divergence", two_to_one, two_to_one, 0), 1.0, 1e-6);
  EXPECT_NEAR(judgement_of("divergence", two_to_one, one_to_two, 0), 2.0 / 3, 1e-6);
  EXPECT_NEAR(judgement_of("ratio", two_to_one, two_to_one, 0), 1.0, 1e-6);
  EXPECT_NEAR(judgement_of("ratio", two_to_one, two_to_one, 1), 0.5, 1e-6);
  std::vector<float> long_row(300, 0.0F);
  long_row[7] = 5.0F;
  EXPECT_EQ(judgement_of("ratio", long_row, long_row, 299), 0.0) << "not among the likeliest";
}

TEST(Policy, JudgesLeaveAllTokensToTheLlmUntilItHasRead) {
  for (const char* name : {"divergence", "ratio"}) {
    const PolicyNeeds needs = make_policy(name)->needs();
    EXPECT_TRUE(needs.judges && needs.slm && !needs.llm) << name;
    EXPECT_EQ(score_of(name, {1, 5, 2}), 0.0F) << name;
  }
}

TEST(Policy, ScoresStayInRange) {
  Rng rng(1);
  std::vector<std::vector<float>> rows = {
      {3.0F}, {1e30F, -1e30F}, {-kInfinity, 2.0F, -kInfinity}, std::vector<float>(1000, -7.0F)};
  for (int i = 0; i < 200; ++i) {
    std::vector<float> row(static_cast<std::size_t>(rng.uniform(1, 300)));
    const double scale = std::exp(rng.uniform(-5, 8));
    for (float& logit : row) logit = static_cast<float>(scale * (rng.unit() - 0.5));
    rows.push_back(std::move(row));
  }
  for (const char* policy :
       {"slm", "llm", "random:0.5", "maxprob", "margin", "entropy", "oracle"}) {
    for (const std::vector<float>& row : rows) {
      const double score = score_of(policy, row, row);
      ASSERT_TRUE(score >= 0 && score <= 1) << policy << " of " << row.size() << ": " << score;
    }
  }
  for (const char* policy : {"divergence", "ratio"}) {
    for (const std::vector<float>& row : rows) {
      const double score = judgement_of(policy, row, row, 0);
      ASSERT_TRUE(score >= 0 && score <= 1) << policy << " of " << row.size() << ": " << score;
    }
  }
}

TEST(Policy, BatchScoresEachInputByItself) {
  const std::vector<std::vector<float>> rows = {{1, 2, 3}, {0, 0, 9}, {5, 5, 5}};
  std::list<test::ReadRow> read;
  std::vector<PolicyInput> inputs(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    inputs[i].slm = inputs[i].llm = read.emplace_back(rows[i]).stats;
    inputs[i].position = i;
  }
  for (const char* name : {"random:0.3", "maxprob", "margin", "entropy", "oracle"}) {
    std::vector<double> scores(rows.size());
    make_policy(name)->score(inputs, scores);
    for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(scores[i], score_of(name, inputs[i]));
  }
}

TEST(Policy, RandomGivesTheLlmItsShare) {
  for (const double share : {0.0, 0.1, 0.5, 0.9, 1.0}) {
    const auto policy = make_policy("random:" + std::to_string(share));
    EXPECT_DOUBLE_EQ(policy->default_threshold(), share);
    const int n = 20000;
    int llm = 0;
    for (int i = 0; i < n; ++i) {
      PolicyInput input;
      input.stream = static_cast<std::uint64_t>(i % 7);
      input.position = static_cast<std::uint64_t>(i);
      double score = -1.0;
      policy->score({&input, 1}, {&score, 1});
      llm += score < policy->default_threshold() ? 1 : 0;
    }
    EXPECT_NEAR(static_cast<double>(llm) / n, share, 4 * std::sqrt(share * (1 - share) / n));
  }
}

TEST(Policy, RandomDependsOnItsAddressAlone) {
  PolicyInput a;
  a.seed = 1, a.stream = 2, a.position = 3;
  EXPECT_EQ(score_of("random:0.5", a), score_of("random:0.5", a));
  PolicyInput b = a;
  b.position = 4;
  EXPECT_NE(score_of("random:0.5", a), score_of("random:0.5", b));
  b = a, b.stream = 4;
  EXPECT_NE(score_of("random:0.5", a), score_of("random:0.5", b));
  b = a, b.seed = 4;
  EXPECT_NE(score_of("random:0.5", a), score_of("random:0.5", b));
}

TEST(Policy, SaysWhatItNeeds) {
  EXPECT_TRUE(make_policy("slm")->needs().slm);
  EXPECT_FALSE(make_policy("llm")->needs().slm);
  EXPECT_FALSE(make_policy("maxprob")->needs().llm);
  EXPECT_TRUE(make_policy("oracle")->needs().llm);
  EXPECT_EQ(make_policy("margin")->name(), "margin");
}

TEST(Policy, DefaultThresholdsAreThresholds) {
  for (const char* name : {"slm", "llm", "random:0.25", "maxprob", "margin", "entropy",
                           "divergence", "ratio", "oracle"}) {
    const double threshold = make_policy(name)->default_threshold();
    EXPECT_TRUE(threshold >= 0 && threshold <= 1) << name;
  }
}

TEST(Policy, UnknownNameListsTheKnownOnes) {
  for (const char* name : {"", "maxprop", "random", "slm ", "LLM"}) {
    const std::string text = error_text<UsageError>([&] { make_policy(name); });
    EXPECT_THAT(text, HasSubstr("'" + std::string(name) + "'"));
    for (const std::string& known : policy_names()) EXPECT_THAT(text, HasSubstr(known));
  }
}

TEST(Policy, RandomShareOutOfRange) {
  for (const char* share : {"", "x", "1.5", "-0.1", "0.5x", " 0.5", "nan", "inf", "1e9"}) {
    const std::string text =
        error_text<UsageError>([&] { make_policy("random:" + std::string(share)); });
    EXPECT_THAT(text, HasSubstr("[0, 1]"));
    EXPECT_THAT(text, HasSubstr("'random:" + std::string(share) + "'"));
  }
}

}  // namespace
}  // namespace citer
