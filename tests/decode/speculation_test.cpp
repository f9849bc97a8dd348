// Speculative routing writes what plain routing writes, in fewer passes of the LLM.
#include <gtest/gtest.h>

#include "decode/planner.h"
#include "decode/tiny_pair.h"
#include "support/llama_runner.h"

namespace citer {
namespace {

using test::TinyPair;
using test::TinyPairFiles;

class Speculation : public testing::Test {
 protected:
  static DecodeRequest request(const std::vector<Token>& prompt, double threshold, int limit) {
    DecodeRequest r = test::make_request(prompt, "maxprob", threshold, 40);
    r.pending_limit = limit;
    return r;
  }
  std::vector<Token> write(DecodeRequest r) {
    TinyPair pair(files_, {.context_size = 160});
    return test::written_tokens(test::run_alone(pair, std::move(r)));
  }
  TinyPairFiles files_;
};

TEST_F(Speculation, SameTextAtAllThresholdsGreedyAndSampled) {
  for (const double threshold : {0.0, 0.2, 0.5, 0.9, 1.0}) {
    for (const bool sampled : {false, true}) {
      for (const std::vector<Token>& prompt : test::random_prompts(3)) {
        const auto with = [&](int limit) {
          DecodeRequest r = request(prompt, threshold, limit);
          if (sampled) {
            r.sampling.temperature = 1.2;
            r.sampling.repeat_penalty = 1.3;
            r.sampling.presence_penalty = 0.5;
            r.sampling.seed = 5;
          }
          return write(std::move(r));
        };
        const std::vector<Token> plain = with(1);
        for (const int limit : {2, 4, 0}) {
          EXPECT_EQ(with(limit), plain) << threshold << " sampled " << sampled << " " << limit;
        }
      }
    }
  }
}

TEST_F(Speculation, BatchedIsSoloWithEveryLimitMixed) {
  const auto prompts = test::random_prompts(6);
  TinyPair pair(files_, {.context_size = 160, .sequences = 6});
  for (int slot = 0; slot < 6; ++slot) {
    pair.decoder.start(slot, request(prompts[static_cast<std::size_t>(slot)], 0.6, 1 + slot % 4));
  }
  for (int left = 6; left > 0;) {
    for (const int slot : pair.decoder.step()) left -= pair.decoder.at(slot).finish ? 1 : 0;
  }
  for (int slot = 0; slot < 6; ++slot) {
    EXPECT_EQ(test::written_tokens(pair.decoder.release(slot)),
              write(request(prompts[static_cast<std::size_t>(slot)], 0.6, 1)));
  }
}

TEST_F(Speculation, ThresholdOneIsTheLlmsTextInFewerPasses) {
  test::LlamaRunner llm(files_.llm());
  for (const std::vector<Token>& prompt : test::random_prompts(3)) {
    TinyPair pair(files_, {.context_size = 160});
    const Sequence answer = test::run_alone(pair, request(prompt, 1.0, 4));
    EXPECT_EQ(test::written_tokens(answer), llm.greedy(prompt, 40));
    EXPECT_LT(answer.counters.llm_passes, 36);
    EXPECT_GT(answer.counters.accepted, 0);
  }
}

TEST_F(Speculation, NothingUndecidedIsShownAndStopsAreThoseOfPlainRouting) {
  for (const std::vector<Token>& prompt : test::random_prompts(4)) {
    TinyPair pair(files_, {.context_size = 160});
    const std::string plain = test::run_alone(pair, request(prompt, 0.6, 1)).text.text();
    // A stop string in the middle of what plain routing writes.
    const std::string stop = plain.substr(plain.size() / 2, 4);
    DecodeRequest stopping = request(prompt, 0.6, 4);
    stopping.stop = {stop};
    pair.decoder.start(0, std::move(stopping));
    while (!pair.decoder.at(0).finish) {
      pair.decoder.step();
      const Sequence& s = pair.decoder.at(0);
      EXPECT_EQ(s.decided() - s.request.prompt.size(), s.records.size());
      EXPECT_EQ(plain.substr(0, s.text.text().size()), s.text.text());
    }
    const Sequence answer = pair.decoder.release(0);
    EXPECT_EQ(answer.text.text(), plain.substr(0, plain.find(stop)));
    EXPECT_EQ(answer.finish, FinishReason::kStopString);
    EXPECT_TRUE(answer.drafts.empty());
  }
}

TEST_F(Speculation, ReleasedInTheMiddleOfDraftsOnlyWhatIsDecidedStays) {
  TinyPair pair(files_, {.context_size = 160});
  pair.decoder.start(0, request(test::random_prompts(1).front(), 0.9, 30));
  for (int i = 0; i < 6; ++i) pair.decoder.step();
  ASSERT_FALSE(pair.decoder.at(0).drafts.empty());
  const Sequence answer = pair.decoder.release(0);
  EXPECT_EQ(answer.tokens.size(), answer.request.prompt.size() + answer.records.size());
}

const Guesses kGuesses{0.3F, 1, 2, 0.5F};

/// A machine where a pass takes `fixed` + `each` x tokens seconds and an SLM step `step`; one token
/// in five is pending; the LLM accepts so often.
SpeculationPlanner on_machine(double fixed, double each, double step, double accepts) {
  SpeculationPlanner planner;
  for (int i = 0; i < 400; ++i) {
    planner.saw_slm_step(1, step);
    planner.saw_draft(i % 5 == 0);
    const int tokens = 3 + i % 7;
    planner.saw_llm_pass(1, tokens, 1, fixed + each * tokens);
    const bool accepted = static_cast<double>(i * 37 % 100) < 100 * accepts;
    planner.saw_decision(kGuesses, accepted ? kGuesses.slm : 3);
  }
  return planner;
}

TEST(SpeculationPlanner, HoldsPendingTokensWherePassesCostTheSameForManyTokens) {
  const std::vector<Guesses> one = {kGuesses};
  EXPECT_FALSE(on_machine(1.0, 0.001, 0.01, 0.8).should_verify(one)) << "a GPU, or a network";
  EXPECT_TRUE(on_machine(0.0, 1.0, 0.1, 0.8).should_verify(one)) << "bound by arithmetic";
  EXPECT_TRUE(on_machine(1.0, 0.001, 0.01, 0.01).should_verify(one)) << "guesses are wrong";
  EXPECT_TRUE(SpeculationPlanner().should_verify(one)) << "nothing is known";
}

TEST(SpeculationPlanner, HoldsNoMoreThanPays) {
  const SpeculationPlanner planner = on_machine(1.0, 0.01, 0.02, 0.7);
  std::vector<Guesses> held;
  while (held.size() < 100 && (held.empty() || !planner.should_verify(held)))
    held.push_back(kGuesses);
  EXPECT_GT(held.size(), 1U);
  EXPECT_LT(held.size(), 20U);
  EXPECT_NEAR(planner.acceptance(kGuesses), 0.7, 0.1);
}

TEST(SpeculationPlanner, ReadsWholeTilesThatHoldUpOthersNoLongerThanTokensMayWait) {
  SpeculationPlanner planner = on_machine(0.02, 0.01, 0.01, 0.5);
  EXPECT_EQ(planner.llm_chunk(64), 32) << "half of 1.3 times the 0.66 s of a pass for 64";
  EXPECT_EQ(planner.llm_chunk(1), 64) << "nobody else waits: 0.8 s";
  planner.set_max_wait(1.0);
  EXPECT_EQ(planner.llm_chunk(64), 48);
  planner.set_max_wait(0.0);
  EXPECT_EQ(planner.llm_chunk(64), 16) << "not less than a tile";
  EXPECT_EQ(on_machine(1.0, 0.001, 0.01, 0.5).llm_chunk(2), 192) << "a GPU: half speed";
  EXPECT_EQ(SpeculationPlanner().llm_chunk(2), 64) << "nothing is known";
}

TEST(SpeculationPlanner, FindsTheNumberOfTokensAtWhichPassesAreCheap) {
  SpeculationPlanner planner;
  for (int i = 0; i < 50; ++i) {
    planner.saw_slm_step(1, 0.001);
    planner.saw_draft(true);
    for (const auto& [n, seconds] :
         {std::pair{1, 24.0}, {2, 45.0}, {3, 70.0}, {4, 40.0}, {8, 95.0}}) {
      planner.saw_llm_pass(1, n, n, seconds);
    }
    planner.saw_decision(kGuesses, i % 10 == 0 ? 3 : kGuesses.slm);
  }
  std::vector<Guesses> held = {kGuesses};
  while (!planner.should_verify(held)) held.push_back(kGuesses);
  EXPECT_EQ(held.size(), 4U);
}

TEST(SpeculationPlanner, GuessesWhatWasRightAtLikeScoresAndLeads) {
  SpeculationPlanner planner;
  const Guesses low{0.05F, 1, 2, 0.5F};
  const Guesses led{0.05F, 1, 2, 3.0F};
  const Guesses high{0.95F, 1, 2, 0.5F};
  EXPECT_EQ(planner.guess_table().best(low), low.slm) << "nothing is known";
  for (int i = 0; i < 100; ++i) {
    planner.saw_decision(low, i % 4 == 0 ? low.slm : low.runner_up);
    planner.saw_decision(led, i % 4 == 0 ? led.slm : 9);
    planner.saw_decision(high, i % 4 == 0 ? high.runner_up : high.slm);
  }
  EXPECT_EQ(planner.guess_table().best(low), low.runner_up);
  EXPECT_NEAR(planner.acceptance(low), 0.75, 0.05);
  EXPECT_EQ(planner.guess_table().best(led), led.slm);
  EXPECT_NEAR(planner.acceptance(led), 0.25, 0.05);
  EXPECT_EQ(planner.guess_table().best(high), high.slm);
  EXPECT_NEAR(planner.acceptance(high), 0.75, 0.05);
}

}  // namespace
}  // namespace citer
