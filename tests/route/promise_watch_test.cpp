#include "route/promise_watch.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace citer {
namespace {

/// One token a letter: `a` and `d`, the SLM's, where the LLM agrees and does not; `s`, the SLM's,
/// not audited; `l`, the LLM's.
std::vector<TokenRecord> answer_of(std::string_view text) {
  std::vector<TokenRecord> tokens;
  for (const char c : text) {
    TokenRecord token;
    token.writer = c == 'l' ? Writer::kLlm : Writer::kSlm;
    if (c != 's') token.llm_agrees = c == 'a';
    tokens.push_back(std::move(token));
  }
  return tokens;
}

TEST(Disagreement, OfTheSlmsTokensBeforeTheLlmsLast) {
  EXPECT_EQ(disagreement(answer_of("aaadl")), 0.25);
  EXPECT_EQ(disagreement(answer_of("adlaal")), 0.25);
  EXPECT_EQ(disagreement(answer_of("aldddd")), 0.0) << "what follows is audited or not, by chance";
  EXPECT_EQ(disagreement(answer_of("ssadl")), 0.5);
  EXPECT_FALSE(disagreement(answer_of("aaaa")).has_value());
  EXPECT_FALSE(disagreement(answer_of("ssl")).has_value());
  EXPECT_FALSE(disagreement(answer_of("llll")).has_value());
  EXPECT_FALSE(disagreement({}).has_value());
}

/// An answer of twenty audited tokens, each of which the LLM would have written otherwise with this
/// probability.
std::vector<TokenRecord> random_answer(Rng& rng, double rate) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += rng.unit() < rate ? 'd' : 'a';
  return answer_of(text + 'l');
}

constexpr double kValidationRate = 0.15;

/// Answers until the watch rejects; 0 where it does not within so many.
int answers_until_rejected(std::uint64_t seed, double rate, int answers, int before = 0) {
  Rng rng(seed);
  Disagreements validation(kDisagreementBins);
  for (int i = 0; i < 200; ++i) add_answer(validation, random_answer(rng, kValidationRate));
  PromiseWatch watch(std::move(validation), 0.95);
  for (int i = 0; i < before; ++i) watch.saw(random_answer(rng, kValidationRate));
  for (int i = 1; i <= answers; ++i) {
    if (watch.saw(random_answer(rng, rate))) return i;
  }
  return 0;
}

TEST(PromiseWatch, RarelyRejectsWhatLooksTheSame) {
  int rejected = 0;
  for (std::uint64_t run = 0; run < 400; ++run) {
    rejected += answers_until_rejected(run, kValidationRate, 500) > 0 ? 1 : 0;
  }
  EXPECT_LE(rejected, 33) << "one in twenty and three standard errors";
}

TEST(PromiseWatch, RejectsWhereTheLlmDisagreesMore) {
  for (std::uint64_t run = 0; run < 20; ++run) {
    EXPECT_GT(answers_until_rejected(run, 0.35, 100), 0) << run;
  }
}

TEST(PromiseWatch, RejectsAlsoAfterALongTime) {
  for (std::uint64_t run = 0; run < 10; ++run) {
    EXPECT_GT(answers_until_rejected(run, 0.35, 300, 2000), 0) << run;
  }
}

TEST(PromiseWatch, DoesNotMindThatTheLlmAgreesMore) {
  for (std::uint64_t run = 0; run < 20; ++run) {
    EXPECT_EQ(answers_until_rejected(run, 0.02, 300), 0) << run;
  }
}

TEST(PromiseWatch, SaysItOnceAndStands) {
  Rng rng(3);
  Disagreements validation(kDisagreementBins);
  for (int i = 0; i < 300; ++i) add_answer(validation, random_answer(rng, 0.05));
  PromiseWatch watch(std::move(validation), 0.95);
  EXPECT_NEAR(watch.evidence(), 1.0, 1e-12);
  EXPECT_FALSE(watch.saw(answer_of("aaaa"))) << "nothing in it to compare";
  EXPECT_EQ(watch.answers(), 0);
  int said = 0;
  for (int i = 0; i < 50; ++i) said += watch.saw(answer_of("dddddddl")) ? 1 : 0;
  EXPECT_EQ(said, 1);
  EXPECT_TRUE(watch.has_rejected());
  EXPECT_GE(watch.evidence(), 20);
  EXPECT_EQ(watch.answers(), 50);
}

}  // namespace
}  // namespace citer
