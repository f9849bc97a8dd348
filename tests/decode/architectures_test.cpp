// Pairs of models that cannot take back tokens freely, or whose passes cost otherwise, write what
// they write when nothing is ever taken back.
#include <gtest/gtest.h>

#include "citer/error.h"
#include "decode/tiny_pair.h"
#include "support/llama_runner.h"

namespace citer {
namespace {

using test::TinyPair;
using test::TinyPairFiles;

constexpr int kContext = 420;
constexpr int kBatch = 64;  // with it a small window's cache has 256 cells

std::vector<Token> random_tokens(int n, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<Token> tokens;
  for (int i = 0; i < n; ++i) {
    tokens.push_back(static_cast<Token>(rng.uniform(3, test::tiny_vocab_size() - 1)));
  }
  return tokens;
}

class Architectures : public testing::TestWithParam<const char*> {
 protected:
  static DecodeRequest request(std::vector<Token> prompt, double threshold, int pending_limit,
                               int max_tokens = 40) {
    DecodeRequest r = test::make_request(std::move(prompt), "maxprob", threshold, max_tokens);
    r.pending_limit = pending_limit;
    return r;
  }

  Sequence alone(DecodeRequest r,
                 const ContextOptions& options = {.context_size = kContext, .batch_size = kBatch}) {
    TinyPair pair(files_, options);
    return test::run_alone(pair, std::move(r));
  }

  /// The text, and the proof that nothing was taken back: every token was read once.
  std::vector<Token> never_taken_back(DecodeRequest r) {
    r.pending_limit = 1;
    const Sequence answer = alone(std::move(r));
    const auto most = static_cast<std::int64_t>(answer.tokens.size());
    EXPECT_LE(answer.counters.slm_positions, most);
    EXPECT_LE(answer.counters.llm_positions, most);
    return test::written_tokens(answer);
  }

  bool keeps_state() const {
    return test::load_exact(files_.llm())->memory() == MemoryKind::kState;
  }

  /// A short prompt, a longer one, and one that is longer than the cache of a small window.
  std::vector<std::vector<Token>> prompts_ = {random_tokens(9, 1), random_tokens(60, 2),
                                              random_tokens(330, 3)};
  TinyPairFiles files_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Pairs, Architectures, testing::ValuesIn(test::kArchitectures),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(Architectures, ThresholdsZeroAndOneAreEachModelAlone) {
  test::LlamaRunner slm(files_.slm(), 512);
  test::LlamaRunner llm(files_.llm(), 512);
  for (const std::vector<Token>& prompt : prompts_) {
    EXPECT_EQ(never_taken_back(request(prompt, 0.0, 1)), slm.greedy(prompt, 40));
    EXPECT_EQ(never_taken_back(request(prompt, 1.0, 1)), llm.greedy(prompt, 40));
  }
}

TEST_P(Architectures, SpeculativeTextIsThePlainOneInFewerPasses) {
  Counters plain;
  Counters speculative;
  for (const double threshold : {0.4, 0.8, 1.0}) {
    for (const std::vector<Token>& prompt : prompts_) {
      for (const bool sampled : {false, true}) {
        DecodeRequest r = request(prompt, threshold, 1);
        if (sampled) r.sampling = {.temperature = 1.2, .repeat_penalty = 1.2, .seed = 5};
        const std::vector<Token> expected = never_taken_back(r);
        plain += alone(r).counters;
        for (const int limit : {2, 4, 0}) {
          r.pending_limit = limit;
          for (const int snapshots : {0, 4}) {
            const Sequence answer = alone(
                r, {.context_size = kContext, .batch_size = kBatch, .state_snapshots = snapshots});
            EXPECT_EQ(test::written_tokens(answer), expected) << threshold << " " << limit;
            if (limit == 4 && snapshots == 0) speculative += answer.counters;
          }
        }
      }
    }
  }
  EXPECT_LT(speculative.llm_passes, plain.llm_passes);
  EXPECT_GT(speculative.rejected, 0) << "something was taken back";
  RecordProperty("llm_passes_plain", std::to_string(plain.llm_passes));
  RecordProperty("llm_passes_speculative", std::to_string(speculative.llm_passes));
  RecordProperty("llm_positions_plain", std::to_string(plain.llm_positions));
  RecordProperty("llm_positions_speculative", std::to_string(speculative.llm_positions));
}

TEST_P(Architectures, BatchedIsAloneWithEveryLimitMixed) {
  for (const bool overlap : {false, true}) {
    TinyPair pair(files_, {.context_size = kContext, .sequences = 4, .batch_size = 64}, overlap);
    const auto nth = [&](int slot) {
      return request(random_tokens(20 + 70 * slot, static_cast<std::uint64_t>(slot)), 0.6,
                     1 + slot % 4);
    };
    for (int slot = 0; slot < 4; ++slot) pair.decoder.start(slot, nth(slot));
    for (int left = 4; left > 0;) {
      for (const int slot : pair.decoder.step()) left -= pair.decoder.at(slot).finish ? 1 : 0;
    }
    for (int slot = 0; slot < 4; ++slot) {
      EXPECT_EQ(test::written_tokens(pair.decoder.release(slot)), never_taken_back(nth(slot)));
    }
  }
}

/// Runs a request in the slot that suits it.
Sequence run_in(TinyPair& pair, DecodeRequest r) {
  const int slot = pair.decoder.claim_slot(r.prompt).value();
  pair.decoder.start(slot, std::move(r));
  while (!pair.decoder.at(slot).finish) pair.decoder.step();
  return pair.decoder.release(slot);
}

TEST_P(Architectures, SlotsShareAPromptThatOneHasRead) {
  TinyPair pair(files_, {.context_size = kContext, .sequences = 3});
  DecodeRequest first = request(prompts_[1], 0.6, 1);
  pair.decoder.start(0, first);
  for (int i = 0; i < 12; ++i) pair.decoder.step();  // goes on behind the prompt
  for (const std::uint64_t choice : {1, 2}) {
    DecodeRequest r = request(prompts_[1], 0.6, 1);
    r.sampling = {.temperature = 1.0, .seed = 9};
    r.choice = choice;
    const int slot = pair.decoder.claim_slot(r.prompt).value();
    ASSERT_NE(slot, 0);
    const std::vector<Token> expected = never_taken_back(r);
    pair.decoder.start(slot, std::move(r));
    while (!pair.decoder.at(slot).finish) pair.decoder.step();
    const Sequence answer = pair.decoder.release(slot);
    EXPECT_EQ(test::written_tokens(answer), expected);
    EXPECT_LE(answer.counters.slm_positions, 41) << "the prompt was read by another";
  }
  while (!pair.decoder.at(0).finish) pair.decoder.step();
  EXPECT_EQ(test::written_tokens(pair.decoder.release(0)), never_taken_back(first));
}

TEST_P(Architectures, ACacheIsReusedWhereItsStateIs) {
  TinyPair pair(files_, {.context_size = kContext, .batch_size = kBatch});
  const std::vector<Token> prompt = random_tokens(100, 4);
  const Sequence first = run_in(pair, request(prompt, 0.6, 4));
  EXPECT_EQ(test::written_tokens(first), never_taken_back(request(prompt, 0.6, 1)));

  // What is said next: all but the last token has been read.
  std::vector<Token> next = first.tokens;
  const std::vector<Token> said = random_tokens(10, 5);
  next.insert(next.end(), said.begin(), said.end());
  const Sequence second = run_in(pair, request(next, 0.6, 4, 20));
  EXPECT_EQ(test::written_tokens(second), never_taken_back(request(next, 0.6, 1, 20)));
  EXPECT_LT(second.counters.slm_positions, 100) << "what was said before is not read again";

  // Another end: a state is where it is, or where a checkpoint was.
  std::vector<Token> other(prompt.begin(), prompt.begin() + 50);
  other.insert(other.end(), said.begin(), said.end());
  const Sequence third = run_in(pair, request(other, 0.6, 4, 20));
  EXPECT_EQ(test::written_tokens(third), never_taken_back(request(other, 0.6, 1, 20)));
  if (keeps_state()) {
    EXPECT_GE(third.counters.slm_positions, 60);
  }
}

/// Runs a request in a slot.
Sequence run_at(TinyPair& pair, int slot, DecodeRequest r) {
  pair.decoder.start(slot, std::move(r));
  while (!pair.decoder.at(slot).finish) pair.decoder.step();
  return pair.decoder.release(slot);
}

/// What is said after an answer.
std::vector<Token> next_of(const Sequence& answer) {
  std::vector<Token> next = answer.tokens;
  const std::vector<Token> said = random_tokens(10, 5);
  next.insert(next.end(), said.begin(), said.end());
  return next;
}

TEST_P(Architectures, ASavedSlotIsGoneOnFromAsTheSlotItself) {
  const ContextOptions options = {.context_size = kContext, .sequences = 2, .batch_size = kBatch};
  const std::vector<Token> prompt = random_tokens(100, 4);
  for (const bool goes_on : {false, true}) {
    TinyPair pair(files_, options);
    const Sequence first = run_at(pair, 0, request(prompt, 0.6, 4));
    const SlotState saved = pair.decoder.save(0);
    const std::vector<Token> asked = goes_on ? next_of(first) : prompt;
    const Sequence expected = run_at(pair, 0, request(asked, 0.6, 1, 20));

    TinyPair other(files_, options);
    run_at(other, 0, request(random_tokens(50, 6), 0.6, 4));
    other.decoder.restore(1, saved);
    const Sequence answer = run_at(other, 1, request(asked, 0.6, 1, 20));
    EXPECT_EQ(test::written_tokens(answer), test::written_tokens(expected));
    // libllama saves of a sliding window what is still in it: there is no way back before it.
    if (pair.slm.model().window() > 0) continue;
    EXPECT_EQ(answer.counters.slm_positions, expected.counters.slm_positions);
    EXPECT_EQ(answer.counters.llm_positions, expected.counters.llm_positions);
    if (goes_on) {
      EXPECT_LT(answer.counters.slm_positions, 100) << "not read again";
    }
  }
}

TEST_P(Architectures, ASlotThatDoesNotFitLeavesWhatWasThere) {
  TinyPair pair(files_, {.context_size = kContext, .sequences = 2, .batch_size = kBatch});
  const Sequence first = run_at(pair, 0, request(random_tokens(100, 4), 0.6, 4));
  SlotState bad = pair.decoder.save(0);
  bad.llm.memory.resize(bad.llm.memory.size() / 2);
  EXPECT_THROW(pair.decoder.restore(0, bad), InputError);
  bad.llm = bad.slm;
  bad.llm.tokens.pop_back();
  EXPECT_THROW(pair.decoder.restore(0, bad), InputError);
  const std::vector<Token> next = next_of(first);
  const Sequence again = run_at(pair, 0, request(next, 0.6, 1, 20));
  EXPECT_EQ(test::written_tokens(again), never_taken_back(request(next, 0.6, 1, 20)));
  EXPECT_LT(again.counters.slm_positions, 100) << "not read again";
}

}  // namespace
}  // namespace citer
