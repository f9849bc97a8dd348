// Whatever the order of agreement and disagreement, of joining, leaving and prompts read in chunks,
// both caches hold what the decoder takes them to hold.
#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "decode/tiny_pair.h"
#include "support/llama_runner.h"
#include "support/read_row.h"

namespace citer {
namespace {

using test::TinyPair;
using test::TinyPairFiles;

/// A random request: policy, threshold, pending limit, sampling and length.
DecodeRequest random_request(Rng& rng) {
  const std::vector<std::string> policies = {"maxprob", "random:0.3", "random:0.7", "speculative",
                                             "llm",     "slm",        "oracle"};
  const auto at =
      static_cast<std::size_t>(rng.uniform(0, static_cast<std::int64_t>(policies.size()) - 1));
  std::vector<Token> prompt =
      test::random_prompts(1, static_cast<std::uint64_t>(rng.uniform(0, 3))).front();
  for (std::int64_t more = rng.uniform(0, 40); more > 0; --more) {
    prompt.push_back(static_cast<Token>(rng.uniform(3, test::tiny_vocab_size() - 1)));
  }
  DecodeRequest r =
      test::make_request(prompt, policies[at], 0.0, static_cast<int>(rng.uniform(1, 30)));
  r.threshold = r.policy->needs().slm && policies[at] != "slm"
                    ? static_cast<double>(rng.uniform(0, 10)) / 10
                    : r.policy->default_threshold();
  r.pending_limit = static_cast<int>(rng.uniform(0, 5));
  const PolicyNeeds needs = r.policy->needs();
  const bool uses_both = needs.slm && !needs.llm && r.threshold > 0 && r.threshold < 1;
  if (uses_both) r.opening = static_cast<int>(rng.uniform(0, 3));
  r.audit = rng.uniform(0, 3) == 0;
  if (rng.uniform(0, 1) == 0) {
    r.sampling.temperature = 1.5;
    r.sampling.seed = static_cast<std::uint64_t>(rng.uniform(0, 1000));
  }
  return r;
}

/// The rows that a context gives after what it holds are those of plain libllama from scratch.
void expect_sound(ModelContext& context, test::LlamaRunner& reference) {
  for (int s = 0; s < context.sequences(); ++s) {
    const std::vector<Token> held(context.cached(s).begin(), context.cached(s).end());
    if (held.empty()) continue;
    std::vector<Token> tokens = held;
    tokens.push_back(5);
    const int last = static_cast<int>(tokens.size()) - 1;
    const RowRequest request{s, tokens, {&last, 1}};
    EXPECT_EQ(context.forward({&request, 1}).positions, 1) << "what it held was reused";
    const std::span<const float> row = context.row(0, 0).logits;
    const std::vector<float> expected = reference.logits(tokens).back();
    ASSERT_EQ(row.size(), expected.size());
    for (std::size_t i = 0; i < row.size(); ++i) ASSERT_NEAR(row[i], expected[i], 2e-3);
  }
}

void run_schedule(const TinyPairFiles& files, std::uint64_t seed, bool overlap) {
  SCOPED_TRACE("seed " + std::to_string(seed) + (overlap ? ", overlapping" : ""));
  Rng rng(seed);
  TinyPair pair(files, {.context_size = 128, .sequences = 4, .batch_size = 32}, overlap);
  if (rng.uniform(0, 1) == 0) pair.decoder.schedule_by_times();
  std::map<int, DecodeRequest> running;
  for (int step = 0; step < 80; ++step) {
    while (rng.uniform(0, 2) != 0) {
      DecodeRequest request = random_request(rng);
      const std::optional<int> slot = pair.decoder.claim_slot(request.prompt);
      if (!slot) break;
      running[*slot] = request;
      pair.decoder.start(*slot, std::move(request));
    }
    for (const int slot : pair.decoder.step()) {
      const Sequence& s = pair.decoder.at(slot);
      EXPECT_EQ(s.decided() - s.request.prompt.size(), s.records.size());
      if (!s.finish) continue;
      pair.decoder.release(slot);
      running.erase(slot);
    }
    if (!running.empty() && rng.uniform(0, 9) == 0) {
      pair.decoder.release(running.begin()->first);
      running.erase(running.begin());
    }
  }
  for (const auto& [slot, request] : running) pair.decoder.release(slot);
  test::LlamaRunner slm(files.slm());
  test::LlamaRunner llm(files.llm());
  expect_sound(pair.slm, slm);
  expect_sound(pair.llm, llm);
}

class Schedule : public testing::TestWithParam<bool> {};

TEST_P(Schedule, CachesAreThoseOfARecomputationFromScratch) {
  const TinyPairFiles files;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) run_schedule(files, seed, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Overlap, Schedule, testing::Bool());

TEST(Overlap, WritesWhatIsWrittenAloneWhateverSharesTheDecoder) {
  const TinyPairFiles files;
  const std::vector<std::string> policies = {"maxprob", "oracle", "speculative", "random:0.4"};
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    TinyPair pair(files, {.context_size = 160, .sequences = 4}, true);
    std::vector<DecodeRequest> requests;
    const auto prompts = test::random_prompts(4, seed);
    for (int i = 0; i < 4; ++i) {
      const auto at = static_cast<std::size_t>(i);
      requests.push_back(test::make_request(prompts[at], policies[at], 0.6, 40));
      requests.back().pending_limit = i % 2 == 0 ? 0 : 3;
      pair.decoder.start(i, requests.back());
    }
    for (int left = 4; left > 0;) {
      for (const int slot : pair.decoder.step()) left -= pair.decoder.at(slot).finish ? 1 : 0;
    }
    for (int i = 0; i < 4; ++i) {
      TinyPair alone(files, {.context_size = 160});
      DecodeRequest plain = requests[static_cast<std::size_t>(i)];
      plain.pending_limit = 1;
      EXPECT_EQ(test::written_tokens(pair.decoder.release(i)),
                test::written_tokens(test::run_alone(alone, plain)))
          << "seed " << seed << ", " << policies[static_cast<std::size_t>(i)];
    }
  }
}

class Reading : public testing::Test {
 protected:
  TinyPairFiles files_;
};

TEST_F(Reading, APromptIsReadInChunksWhileOthersWrite) {
  TinyPair pair(files_, {.context_size = 1024, .sequences = 2});
  pair.decoder.schedule_by_times();
  const auto prompts = test::random_prompts(2);
  std::vector<Token> longer = prompts[0];
  while (longer.size() < 600) longer.push_back(static_cast<Token>(5 + longer.size() % 50));
  pair.decoder.start(0, test::make_request(prompts[1], "maxprob", 0.5, 60));
  pair.decoder.step();
  pair.decoder.start(1, test::make_request(longer, "maxprob", 0.5, 8));
  std::int64_t before = pair.decoder.totals().slm_positions;
  int steps = 0;
  for (; pair.decoder.at(1).records.empty(); ++steps) {
    pair.decoder.step();
    const std::int64_t after = pair.decoder.totals().slm_positions;
    EXPECT_LE(after - before, 520) << "a chunk and the other's token";
    before = after;
    ASSERT_LT(steps, 100);
  }
  EXPECT_GT(steps, 1);
  EXPECT_GT(pair.decoder.at(0).records.size(), 1U) << "the other one went on";
  while (!pair.decoder.at(1).finish) pair.decoder.step();
  TinyPair alone(files_, {.context_size = 1024});
  EXPECT_EQ(
      test::written_tokens(pair.decoder.release(1)),
      test::written_tokens(test::run_alone(alone, test::make_request(longer, "maxprob", 0.5, 8))));
}

TEST_F(Reading, ANewConversationTakesTheSlotThatHoldsItsBeginning) {
  TinyPair pair(files_, {.context_size = 256, .sequences = 3});
  std::vector<Token> first = test::random_prompts(1, 7).front();
  while (first.size() < 60) first.push_back(static_cast<Token>(5 + first.size() % 40));
  ASSERT_EQ(pair.decoder.claim_slot(first), 0);
  pair.decoder.start(0, test::make_request(first, "maxprob", 0.5, 10));
  std::vector<Token> other = test::random_prompts(1, 8).front();
  ASSERT_EQ(pair.decoder.claim_slot(first), std::nullopt) << "the beginning is being read";
  ASSERT_EQ(pair.decoder.claim_slot(other), 1);
  pair.decoder.start(1, test::make_request(other, "maxprob", 0.5, 10));
  while (!pair.decoder.at(0).finish || !pair.decoder.at(1).finish) pair.decoder.step();
  std::vector<Token> next = pair.decoder.release(0).tokens;
  pair.decoder.release(1);
  next.push_back(9);
  ASSERT_EQ(pair.decoder.claim_slot(next), 0);
  const std::int64_t before = pair.decoder.totals().slm_positions;
  pair.decoder.start(0, test::make_request(next, "maxprob", 0.0, 1));
  pair.decoder.step();
  EXPECT_LE(pair.decoder.totals().slm_positions - before, 2);
  // The same beginning once more, while the first is at work: forked.
  pair.decoder.release(0);
  pair.decoder.start(0, test::make_request(next, "maxprob", 0.0, 20));
  pair.decoder.step();
  ASSERT_EQ(pair.decoder.claim_slot(next, {}, 0), std::nullopt) << "at work";
  ASSERT_EQ(pair.decoder.claim_slot(next), 2) << "the slot idle longest";
  EXPECT_GE(pair.slm.cached(2).size(), next.size() - 1);
  ASSERT_EQ(pair.decoder.claim_slot(next, {}, 1), 1) << "the one that is asked for";
  EXPECT_GE(pair.slm.cached(1).size(), next.size() - 1) << "forked, too";
}

TEST_F(Reading, ABeginningThatNobodyUsesIsDroppedAtLast) {
  TinyPair pair(files_, {.context_size = 512, .sequences = 2});
  pair.decoder.schedule_by_times();
  std::vector<Token> prompt = test::random_prompts(1, 7).front();
  while (prompt.size() < 200) prompt.push_back(static_cast<Token>(5 + prompt.size() % 40));
  const auto write = [&](int slot, std::size_t length, int tokens) {
    const std::vector<Token> part(prompt.end() - static_cast<std::ptrdiff_t>(length), prompt.end());
    pair.decoder.start(slot, test::make_request(part, "maxprob", 0.5, tokens));
    while (!pair.decoder.at(slot).finish) pair.decoder.step();
    pair.decoder.release(slot);
  };
  write(0, 200, 5);
  write(1, 150, 5);
  EXPECT_GT(pair.slm.cached(0).size(), 199U) << "kept for a while";
  for (int i = 0; i < 200 && !pair.slm.cached(0).empty(); ++i) write(1, 100, 200);
  EXPECT_TRUE(pair.slm.cached(0).empty());
  EXPECT_FALSE(pair.slm.cached(1).empty());
}

TEST_F(Reading, APromptsTokensGetTheLogprobsOfTheirWriters) {
  std::vector<Token> prompt = test::random_prompts(1, 3).front();
  while (prompt.size() < 90) prompt.push_back(static_cast<Token>(5 + prompt.size() % 40));
  test::LlamaRunner slm(files_.slm());
  test::LlamaRunner llm(files_.llm());
  for (const double threshold : {0.0, 0.4, 1.0}) {
    TinyPair pair(files_, {.context_size = 256});
    DecodeRequest request = test::make_request(prompt, "maxprob", threshold, 0);
    request.score_prompt = true;
    request.sampling.top_logprobs = 3;
    const Sequence done = test::run_alone(pair, request);
    EXPECT_TRUE(done.records.empty());
    ASSERT_EQ(done.prompt_records.size(), prompt.size());
    EXPECT_FALSE(done.prompt_records.front().logprobs);
    int by_llm = 0;
    for (std::size_t i = 1; i < prompt.size(); ++i) {
      const TokenRecord& record = done.prompt_records[i];
      const bool is_llm = record.writer == Writer::kLlm;
      by_llm += is_llm ? 1 : 0;
      const std::vector<Token> before(prompt.begin(),
                                      prompt.begin() + static_cast<std::ptrdiff_t>(i));
      const test::ReadRow row((is_llm ? llm : slm).logits(before).back());
      const auto expected = logprobs_of(row.row(), prompt[i], 3);
      ASSERT_TRUE(record.logprobs);
      EXPECT_NEAR(record.logprobs->logprob, expected.logprob, 2e-3);
      EXPECT_EQ(record.logprobs->top.size(), 3U);
      EXPECT_NEAR(record.logprobs->top[0].second, expected.top[0].second, 2e-3);
    }
    const int all = static_cast<int>(prompt.size()) - 1;
    const Counters& counters = done.counters;
    EXPECT_EQ(counters.tokens(), 0) << "nothing was written";
    EXPECT_EQ(counters.slm_positions, all) << "each token read once";
    EXPECT_EQ(counters.slm_passes, 2) << "a chunk of 64 rows, and the rest";
    EXPECT_GT(counters.slm_cache_reads, 0);
    EXPECT_GT(counters.slm_seconds, 0);
    EXPECT_EQ(counters.llm_passes > 0, threshold > 0);
    EXPECT_EQ(counters.llm_seconds > 0, threshold > 0);
    EXPECT_EQ(counters.llm_positions, pair.decoder.totals().llm_positions);
    EXPECT_EQ(counters.slm_passes, pair.decoder.totals().slm_passes);
    if (threshold == 0.0 || threshold == 1.0) {
      EXPECT_EQ(by_llm, threshold * all);
    }
  }
}

TEST_F(Reading, AnswersToTheSamePromptDrawOtherNumbers) {
  const std::vector<Token> prompt = test::random_prompts(1).front();
  const auto write = [&](std::uint64_t choice) {
    TinyPair pair(files_, {.context_size = 128});
    DecodeRequest request = test::make_request(prompt, "maxprob", 0.5, 30);
    request.sampling.temperature = 1.5;
    request.choice = choice;
    return test::written_tokens(test::run_alone(pair, request));
  };
  EXPECT_EQ(write(0), write(0));
  EXPECT_NE(write(0), write(1));
}

}  // namespace
}  // namespace citer
