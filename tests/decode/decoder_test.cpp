// How answers end, what sampling does, and what the decoder refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "citer/error.h"
#include "decode/tiny_pair.h"
#include "support/error_text.h"

namespace citer {
namespace {

using test::error_text;
using test::make_request;
using test::run_alone;
using test::TinyPair;
using test::TinyPairFiles;
using testing::HasSubstr;

class DecoderTest : public testing::Test {
 protected:
  Sequence answer(const DecodeRequest& request, int context_size = 128) {
    TinyPair pair(files_, {.context_size = context_size});
    return run_alone(pair, request);
  }

  DecodeRequest routed(int max_tokens = 40) const {
    return make_request(prompt_, "maxprob", 0.6, max_tokens);
  }

  TinyPairFiles files_;
  std::vector<Token> prompt_ = test::random_prompts(1, 3).front();
};

TEST_F(DecoderTest, TokenLimit) {
  const Sequence sequence = answer(routed(7));
  EXPECT_EQ(sequence.records.size(), 7U);
  EXPECT_EQ(sequence.finish, FinishReason::kLength);
}

TEST_F(DecoderTest, ShorterLimitGivesABeginningOfTheSameText) {
  const Sequence whole = answer(routed(40));
  const Sequence part = answer(routed(15));
  EXPECT_TRUE(std::equal(part.tokens.begin(), part.tokens.end(), whole.tokens.begin()));
}

TEST_F(DecoderTest, NoLimitFillsTheContext) {
  const Sequence sequence = answer(routed(-1), 50);
  EXPECT_EQ(sequence.tokens.size(), 50U);
  EXPECT_EQ(sequence.finish, FinishReason::kLength);
}

TEST_F(DecoderTest, NoTokensAreNoWork) {
  const Sequence sequence = answer(routed(0));
  EXPECT_EQ(sequence.tokens, prompt_);
  EXPECT_EQ(sequence.finish, FinishReason::kLength);
  EXPECT_EQ(sequence.counters.tokens(), 0);
  EXPECT_EQ(sequence.counters.slm_passes + sequence.counters.llm_passes, 0);
}

TEST_F(DecoderTest, RecordsDescribeTheText) {
  const Sequence sequence = answer(routed());
  std::string text;
  Counters counters;
  double seconds = 0.0;
  for (const TokenRecord& record : sequence.records) {
    text += record.piece;
    ++(record.writer == Writer::kSlm ? counters.slm_tokens : counters.llm_tokens);
    counters.slm_seconds += record.slm_seconds;
    counters.llm_seconds += record.llm_seconds;
    seconds += record.seconds;
    EXPECT_GE(record.seconds + 1e-9, record.slm_seconds + record.llm_seconds);
  }
  EXPECT_EQ(sequence.text.text(), text);
  EXPECT_EQ(sequence.counters.slm_tokens, counters.slm_tokens);
  EXPECT_EQ(sequence.counters.llm_tokens, counters.llm_tokens);
  EXPECT_EQ(sequence.counters.tokens(), 40);
  EXPECT_NEAR(sequence.counters.slm_seconds, counters.slm_seconds, 1e-9);
  EXPECT_NEAR(sequence.counters.llm_seconds, counters.llm_seconds, 1e-9);
  EXPECT_GT(seconds, 0.0);
}

TEST_F(DecoderTest, StopStringCutsTheText) {
  const std::string whole = answer(routed()).text.text();
  ASSERT_GT(whole.size(), 20U);
  DecodeRequest request = routed();
  request.stop = {"never appears", whole.substr(10, 6)};
  const Sequence sequence = answer(request);
  EXPECT_EQ(sequence.finish, FinishReason::kStopString);
  EXPECT_EQ(sequence.text.text(), whole.substr(0, whole.find(whole.substr(10, 6))));
  EXPECT_LT(sequence.records.size(), 40U);
}

TEST_F(DecoderTest, EndOfGenerationEndsTheAnswer) {
  const Sequence whole = answer(routed(30));
  // Makes a token that the answer contains the end token, in both models.
  const Token end = whole.records[12].id;
  std::size_t first = 0;
  while (whole.records[first].id != end) ++first;
  for (const char* name : {"slm", "llm"}) {
    test::edit_gguf(files_ / (std::string(name) + ".gguf"), files_ / (std::string(name) + "2.gguf"),
                    [&](gguf_context* g) {
                      gguf_set_val_u32(g, "tokenizer.ggml.eos_token_id",
                                       static_cast<std::uint32_t>(end));
                    });
  }
  TinyPair pair(files_ / "slm2.gguf", files_ / "llm2.gguf", {.context_size = 128});
  DecodeRequest request = routed(30);
  request.ignore_eog = false;
  const Sequence ended = run_alone(pair, request);
  EXPECT_EQ(ended.finish, FinishReason::kEndOfGeneration);
  EXPECT_EQ(ended.records.size(), first + 1);
  EXPECT_EQ(ended.records.back().id, end);

  request.ignore_eog = true;
  EXPECT_EQ(run_alone(pair, request).tokens, whole.tokens);
}

TEST_F(DecoderTest, SeedDecidesSampledText) {
  DecodeRequest request = routed();
  request.sampling.temperature = 1.5;
  const Sequence first = answer(request);
  EXPECT_EQ(answer(request).tokens, first.tokens);
  request.sampling.seed = 1;
  EXPECT_NE(answer(request).tokens, first.tokens);
}

TEST_F(DecoderTest, SamplingDoesNotDependOnTheSlot) {
  DecodeRequest request = routed();
  request.sampling.temperature = 1.0;
  TinyPair pair(files_, {.context_size = 128, .sequences = 2});
  pair.decoder.start(0, request);
  pair.decoder.start(1, request);
  for (int i = 0; i < 40; ++i) pair.decoder.step();
  EXPECT_EQ(pair.decoder.at(0).tokens, pair.decoder.at(1).tokens);
}

TEST_F(DecoderTest, RefusesWhatCannotBeDone) {
  TinyPair pair(files_, {.context_size = 32});
  const auto refused = [&](auto change) {
    DecodeRequest request = make_request(prompt_, "maxprob", 0.5, 5);
    change(request);
    return error_text<UsageError>([&] { pair.decoder.check(request); });
  };
  EXPECT_EQ(refused([](auto& r) { r.prompt.clear(); }), "the prompt is empty");
  EXPECT_EQ(refused([](auto& r) { r.threshold = 1.5; }),
            "threshold: expected a number in [0, 1], found 1.5");
  EXPECT_THAT(refused([](auto& r) { r.threshold = -0.1; }), HasSubstr("threshold: "));
  EXPECT_THAT(refused([](auto& r) { r.threshold = std::nan(""); }), HasSubstr("threshold: "));
  EXPECT_THAT(refused([](auto& r) { r.sampling.top_p = 2; }), HasSubstr("top_p: "));
  EXPECT_EQ(refused([](auto& r) { r.prompt.assign(32, 5); }),
            "context_size: the prompt has 32 tokens, the context holds 32");
  EXPECT_THAT(refused([](auto& r) { r.prompt.assign(30, 5); }),
              HasSubstr("max_tokens and context_size: the prompt has 30 tokens and 5 may follow"));
  EXPECT_EQ(refused([](auto& r) { r.slot = 1; }), "slot: expected one of 0 to 0, found 1");
  EXPECT_EQ(pair.decoder.totals().slm_passes, 0) << "nothing was evaluated";
  EXPECT_EQ(pair.decoder.claim_slot(prompt_), 0) << "nothing was started";
}

TEST_F(DecoderTest, PromptThatLeavesRoomForOneToken) {
  TinyPair pair(files_, {.context_size = 32});
  DecodeRequest request = make_request(std::vector<Token>(31, 5), "maxprob", 0.5, 1);
  EXPECT_EQ(run_alone(pair, request).records.size(), 1U);
}

TEST_F(DecoderTest, ModelOfNoNumbersIsNamed) {
  test::write_nan_model(files_ / "nan.gguf");
  TinyPair pair(files_.slm(), files_ / "nan.gguf", {.context_size = 64});
  const Sequence failed = run_alone(pair, make_request(prompt_, "llm", 1.0, 3));
  EXPECT_EQ(failed.finish, FinishReason::kError);
  EXPECT_THAT(failed.error, HasSubstr((files_ / "nan.gguf").string()));
  EXPECT_THAT(failed.error, HasSubstr("all logits are NaN"));
  EXPECT_EQ(failed.tokens, prompt_) << "nothing was written";
  const Sequence other = run_alone(pair, make_request(prompt_, "slm", 0.0, 3));
  EXPECT_EQ(other.records.size(), 3U) << "the decoder goes on";
}

}  // namespace
}  // namespace citer
