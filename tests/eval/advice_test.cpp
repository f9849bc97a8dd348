// What advise measures, predicts and says of it.
#include "eval/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "citer/error.h"
#include "decode/tiny_pair.h"
#include "eval/forecast.h"
#include "support/error_text.h"

namespace citer {
namespace {

using testing::HasSubstr;

/// Passes of `fixed` + `each` x tokens seconds.
PassSamples line(double fixed, double each) {
  PassSamples samples;
  for (const int tokens : {1, 4, 64}) samples[tokens] = {fixed + each * tokens};
  return samples;
}

/// An answer to a prompt of one token, all of it the SLM's; scores rise from token to token.
RecordedAnswer answer(int tokens, bool agrees) {
  RecordedAnswer recorded{.prompt_tokens = 1};
  for (int i = 0; i < tokens; ++i) {
    recorded.tokens.push_back({static_cast<float>(i) / static_cast<float>(tokens), agrees, false});
  }
  return recorded;
}

Writers below(double threshold) {
  return [threshold](const RecordedToken& token, std::size_t) {
    return static_cast<double>(token.score) < threshold;
  };
}

/// A pair whose SLM takes 1 s a token, whose LLM 2 s a pass and 1 s a token; as recorded.
Measured pair_of_ten_tokens(bool agrees) {
  Measured measured{line(0, 1), line(2, 1), {answer(10, agrees)}};
  measured.answers[0].seconds = 10.0;
  return measured;
}

TEST(Forecast, ModelsAlone) {
  const Forecast forecast(pair_of_ten_tokens(true));
  EXPECT_NEAR(forecast.alone(Writer::kSlm), 10.0 / 10, 1e-9);
  EXPECT_NEAR(forecast.alone(Writer::kLlm), 10.0 / 30, 1e-9);
}

TEST(Forecast, RoutingPaysForCatchingUp) {
  const Forecast forecast(pair_of_ten_tokens(true));
  EXPECT_NEAR(forecast.routed(below(0), 1), 10.0 / 10, 1e-9);
  // The first token: 10 SLM tokens and an LLM pass over the prompt.
  EXPECT_NEAR(forecast.routed(below(0.05), 1), 10.0 / (10 + 3), 1e-9);
  EXPECT_NEAR(forecast.share(below(0.05)), 0.1, 1e-9);
}

TEST(Forecast, PendingTokensPayWhereTheModelsAgree) {
  const Forecast agreed(pair_of_ten_tokens(true));
  EXPECT_GT(agreed.routed(below(1), 4), agreed.routed(below(1), 1));
  const Forecast at_odds(pair_of_ten_tokens(false));
  EXPECT_LT(at_odds.routed(below(1), 4), at_odds.routed(below(1), 1));
}

TEST(Forecast, WhatTakingTurnsCostsIsTakenFromTheRecording) {
  Measured slow = pair_of_ten_tokens(true);
  slow.answers[0].seconds = 12.0;  // where the passes alone would be 10
  const Forecast forecast(slow);
  EXPECT_NEAR(forecast.routed(below(0), 1), 10.0 / 12, 1e-9);
  EXPECT_NEAR(forecast.alone(Writer::kSlm), 10.0 / 10, 1e-9);
}

TEST(Forecast, SlowPassesCount) {
  Measured shared = pair_of_ten_tokens(true);
  shared.llm[1] = {3, 3, 3, 7};
  EXPECT_NEAR(Forecast(shared).alone(Writer::kLlm), 10.0 / 40, 1e-9);
}

TEST(Forecast, ThresholdsLetTheirShareThrough) {
  const Recording answers = {answer(10, true), answer(10, true)};
  for (const double share : {0.0, 0.1, 0.5, 1.0}) {
    const double threshold = threshold_for_share(answers, share);
    const Forecast forecast({line(0, 1), line(2, 1), answers});
    EXPECT_NEAR(forecast.share(below(threshold)), share, 1e-9);
  }
}

TEST(Forecast, ResamplesAreOfTheSameSizes) {
  Rng rng(1);
  Measured measured{line(0, 1), line(2, 1), {answer(3, true), answer(5, true)}};
  measured.slm[1] = {1, 2, 3};
  const Measured drawn = resample(measured, rng);
  EXPECT_EQ(drawn.answers.size(), 2U);
  EXPECT_EQ(drawn.slm.at(1).size(), 3U);
  EXPECT_EQ(drawn.llm.size(), 3U);
}

class AdviceTest : public testing::Test {
 protected:
  AdviceTest() {
    PairOptions pair;
    pair.slm.path = files_.slm().string();
    pair.llm.path = files_.llm().string();
    ServiceOptions options;
    options.context.context_size = 128;
    options.by_times = false;
    service_ = std::make_unique<Service>(std::make_shared<Pair>(pair), options);
  }

  static AdviceOptions asking() {
    AdviceOptions options;
    options.prompts = {{"1", "the cat"}, {"2", "a dog and"}};
    options.max_tokens = 12;
    options.rounds = 2;
    options.shares = {0.2, 0.6};
    return options;
  }

  test::TinyPairFiles files_;
  std::unique_ptr<Service> service_;
};

TEST_F(AdviceTest, PredictsEveryWay) {
  const Advice advice = advise(*service_, asking()).value();
  EXPECT_EQ(advice.prompts, 2);
  EXPECT_GT(advice.tokens, 0);
  EXPECT_GE(advice.agreement.value, 0.0);
  EXPECT_LE(advice.agreement.value, 1.0);
  EXPECT_EQ(advice.speculative.policy, "speculative");
  EXPECT_GE(advice.speculative.pending_tokens, 2);
  ASSERT_EQ(advice.confidence.size(), 2U);
  ASSERT_EQ(advice.router.size(), 2U);
  EXPECT_NEAR(advice.confidence[1].llm_share, 0.6, 0.1);
  EXPECT_EQ(advice.router[0].policy, "random:0.2") << "no router: one by chance stands for it";
  for (const RunningWay* way : {&advice.llm_alone, &advice.slm_alone, &advice.speculative,
                                &advice.confidence[0], &advice.router[1]}) {
    EXPECT_GT(way->tokens_per_second.value, 0.0) << way->policy;
    EXPECT_LE(way->tokens_per_second.low, way->tokens_per_second.value);
    EXPECT_GE(way->tokens_per_second.high, way->tokens_per_second.value);
    EXPECT_FALSE(way->measured);
  }
  EXPECT_EQ(advice.confidence[0].bytes, advice.llm_alone.bytes + advice.slm_alone.bytes);
  EXPECT_GT(advice.llm_alone.bytes, service_->llm_facts().bytes);
}

TEST_F(AdviceTest, CheckMeasuresEveryWay) {
  AdviceOptions options = asking();
  options.check = true;
  const Advice advice = advise(*service_, options).value();
  for (const RunningWay* way : {&advice.llm_alone, &advice.slm_alone, &advice.speculative,
                                &advice.confidence[0], &advice.router[1]}) {
    EXPECT_GT(way->measured.value_or(0), 0.0) << way->policy;
  }
}

TEST_F(AdviceTest, JsonHasWhatWasFound) {
  const Advice advice = advise(*service_, asking()).value();
  const auto json = nlohmann::json::parse(advice_json(advice));
  EXPECT_EQ(json.at("llm_alone").at("policy"), "llm");
  EXPECT_EQ(json.at("confidence").size(), 2U);
  EXPECT_EQ(json.at("confidence")[0].at("threshold"), *advice.confidence[0].threshold);
  EXPECT_TRUE(json.at("hardware").at("llm_pass_seconds").contains("1"));
}

/// A pair of 500 MB and 1 GB that write a token in so many seconds.
Advice of_speeds(double slm_seconds, double llm_seconds) {
  Advice advice;
  advice.slm.bytes = 500'000'000;
  advice.llm.bytes = 1'000'000'000;
  advice.hardware.slm.add(1, slm_seconds);
  advice.hardware.llm.add(1, llm_seconds);
  return advice;
}

TEST(Advice, AnSlmThatReadsItsWeightsSlowerThanTheLlmWaitsForArithmetic) {
  EXPECT_NEAR(weights_per_second(of_speeds(0.02, 0.03).slm, of_speeds(0.02, 0.03).hardware.slm),
              25e9, 1);
  EXPECT_TRUE(slm_waits_for_arithmetic(of_speeds(0.020, 0.030)));
  EXPECT_FALSE(slm_waits_for_arithmetic(of_speeds(0.016, 0.030))) << "as fast as memory";
  Advice small = of_speeds(0.020, 0.030);
  small.slm.bytes = 1'000'000;
  EXPECT_FALSE(slm_waits_for_arithmetic(small)) << "its passes are not bound by weights";
}

TEST_F(AdviceTest, StopsWhenTold) {
  int asked = 0;
  const Watcher watcher{.should_stop = [&] { return ++asked > 1; }};
  EXPECT_FALSE(advise(*service_, asking(), watcher));
}

TEST_F(AdviceTest, WhatCannotBeAskedIsRefused) {
  AdviceOptions options = asking();
  options.prompts.clear();
  EXPECT_THAT(test::error_text<FieldError>([&] { advise(*service_, options); }),
              HasSubstr("prompts"));
  options = asking();
  options.max_tokens = 1000;
  EXPECT_THAT(test::error_text<UsageError>([&] { advise(*service_, options); }), HasSubstr("1000"));
}

}  // namespace
}  // namespace citer
