// The LLM reads a prompt first and writes the first tokens while the SLM reads it in parts.
#include <gtest/gtest.h>

#include "decode/tiny_pair.h"

namespace citer {
namespace {

using test::TinyPair;
using test::TinyPairFiles;

constexpr int kOpening = 4;

class Opening : public testing::Test {
 protected:
  static DecodeRequest request(int opening = kOpening, int limit = 1) {
    std::vector<Token> prompt = test::random_prompts(1).front();
    while (prompt.size() < 200) prompt.push_back(static_cast<Token>(5 + prompt.size() % 50));
    DecodeRequest request = test::make_request(prompt, "random:0.2", 0.2, 24);
    request.ignore_eog = true;
    request.opening = opening;
    request.pending_limit = limit;
    return request;
  }

  TinyPairFiles files_;
  TinyPair pair_{files_, {.context_size = 512, .sequences = 3}};
};

TEST_F(Opening, TheFirstTokenWaitsForTheLlmAlone) {
  pair_.decoder.start(0, request());
  while (pair_.decoder.at(0).records.empty()) pair_.decoder.step();
  const Sequence& sequence = pair_.decoder.at(0);
  EXPECT_EQ(sequence.counters.slm_positions, 0);
  EXPECT_EQ(sequence.counters.llm_positions, 200);
  EXPECT_EQ(sequence.records.front().writer, Writer::kLlm);
}

TEST_F(Opening, TheSlmReadsAPartBetweenTwoTokens) {
  pair_.decoder.start(0, request());
  const Sequence& sequence = pair_.decoder.at(0);
  std::size_t seen = 0;
  while (sequence.records.size() < kOpening) {
    pair_.decoder.step();
    if (sequence.records.size() == seen) continue;
    EXPECT_EQ(pair_.slm.cached(0).size(), 50 * seen) << "before token " << seen;
    EXPECT_EQ(sequence.records[seen].writer, Writer::kLlm);
    ++seen;
  }
  while (!pair_.decoder.at(0).finish) pair_.decoder.step();
  EXPECT_LT(sequence.counters.slm_positions, 200 + 24) << "nothing was read twice";
  EXPECT_GT(sequence.counters.slm_tokens, 0);
}

TEST_F(Opening, TheTextIsTheLlmsFirstAndThenAsItIsRouted) {
  DecodeRequest llm = request(0);
  llm.policy = make_policy("llm");
  llm.threshold = 1.0;
  const std::vector<Token> alone = test::written_tokens(test::run_alone(pair_, llm));
  const Sequence opened = test::run_alone(pair_, request());
  const std::vector<Token> tokens = test::written_tokens(opened);
  for (int i = 0; i < kOpening; ++i) {
    EXPECT_EQ(tokens[static_cast<std::size_t>(i)], alone[static_cast<std::size_t>(i)]);
  }
  // What follows is what routing writes behind a prompt that ends with these tokens.
  for (std::size_t i = kOpening; i < opened.records.size(); ++i) {
    EXPECT_EQ(opened.records[i].writer == Writer::kLlm, opened.records[i].score < 0.2F) << i;
  }
}

TEST_F(Opening, TheTextDoesNotDependOnOthersOnTimeOrOnGuesses) {
  const std::vector<Token> alone = test::written_tokens(test::run_alone(pair_, request()));
  for (const int limit : {0, 1, 3}) {
    EXPECT_EQ(test::written_tokens(test::run_alone(pair_, request(kOpening, limit))), alone);
  }
  TinyPair crowd(files_, {.context_size = 512, .sequences = 3});
  crowd.decoder.schedule_by_times();
  const auto prompts = test::random_prompts(2, 3);
  crowd.decoder.start(0, test::make_request(prompts[0], "maxprob", 0.5, 60));
  crowd.decoder.start(2, test::make_request(prompts[1], "maxprob", 0.5, 60));
  for (int i = 0; i < 10; ++i) crowd.decoder.step();
  crowd.decoder.start(1, request());
  while (!crowd.decoder.at(1).finish) crowd.decoder.step();
  EXPECT_EQ(test::written_tokens(crowd.decoder.release(1)), alone);
}

TEST_F(Opening, AnAnswerMayEndWithinIt) {
  DecodeRequest r = request();
  r.max_tokens = 2;
  const Sequence done = test::run_alone(pair_, r);
  EXPECT_EQ(done.records.size(), 2U);
  EXPECT_EQ(done.finish, FinishReason::kLength);
}

}  // namespace
}  // namespace citer
