// Pairs of different vocabularies from end to end: prompts, answers, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "citer/error.h"
#include "citer/service.h"
#include "decode/sequence.h"
#include "decode/tiny_pair.h"
#include "model/vocab.h"
#include "support/error_text.h"

namespace citer {
namespace {

using test::error_text;
using testing::HasSubstr;

class ByTextPair : public testing::Test {
 protected:
  ByTextPair() {
    test::write_tiny_model(folder_ / "slm.gguf",
                           {.chat_template = "S {{ messages[0].content }}>", .seed = 5});
    test::write_tiny_model(folder_ / "llm.gguf", {.n_embd = 48,
                                                  .merges = {{"z", "z"}, {"\xC3", "\xA9"}},
                                                  .chat_template = "L {{ messages[0].content }}>",
                                                  .seed = 31});
    PairOptions options;
    options.slm.path = (folder_ / "slm.gguf").string();
    options.llm.path = (folder_ / "llm.gguf").string();
    options.slm.devices = options.llm.devices = "none";
    pair_ = std::make_shared<const Pair>(options);
  }

  std::string slm_text(const Prompt& prompt) const { return pair_->vocab().text(prompt.tokens); }
  std::string llm_text(const Prompt& prompt) const {
    return pair_->llm()->vocab().text(prompt.llm_tokens);
  }

  /// What is said of a request that is not written.
  std::string refusal(const std::function<void(Request&)>& change) const {
    Request request{.prompt = {.text = "In"}, .options = {.threshold = 0.5, .max_tokens = 4}};
    pair_->resolve(request);
    change(request);
    return error_text<FieldError>([&] { pair_->resolve(request); });
  }

  test::TempDir folder_;
  std::shared_ptr<const Pair> pair_;
};

TEST_F(ByTextPair, SaysSo) {
  EXPECT_FALSE(pair_->has_one_vocabulary());
  ASSERT_EQ(pair_->notes().size(), 1U);
  EXPECT_THAT(pair_->notes().front(), HasSubstr("the models' vocabularies differ: "));
  const std::string error = error_text<InputError>([&] { pair_->require_one_vocabulary("this"); });
  EXPECT_THAT(error, HasSubstr("slm.gguf and "));
  EXPECT_THAT(error, HasSubstr("this needs two models of one vocabulary"));
}

TEST_F(ByTextPair, EachModelReadsThePromptInItsOwnFormatAndTokens) {
  const Prompt said = pair_->read({.text = "so zz the tree"});
  EXPECT_EQ(slm_text(said), "S so zz the tree>");
  EXPECT_EQ(llm_text(said), "L so zz the tree>");
  EXPECT_LT(said.llm_tokens.size(), said.tokens.size());
  for (const Prompt& raw : {pair_->read({.text = "so zz the tree", .raw = true}),
                            pair_->read({.text = "L so zz the tree>"})}) {
    EXPECT_EQ(slm_text(raw), llm_text(raw)) << "what is in the LLM's format already";
    EXPECT_TRUE(raw.raw);
  }
  EXPECT_EQ(pair_->read(said).llm_tokens, said.llm_tokens);
  const std::string error = error_text<FieldError>([&] { pair_->read({.tokens = {5, 6}}); });
  EXPECT_THAT(error, HasSubstr("prompt: the models' vocabularies differ: expected text"));
}

TEST_F(ByTextPair, WhatTakesOneVocabularyIsRefusedByName) {
  const auto named = [](const std::string& field, const std::string& what) {
    return field + ": " + what + " needs two models of one vocabulary";
  };
  EXPECT_EQ(refusal([](Request& r) { r.options.policy = "oracle"; }), named("policy", "'oracle'"));
  EXPECT_EQ(refusal([](Request& r) { r.options.policy = "speculative"; }),
            named("policy", "'speculative'"));
  EXPECT_EQ(refusal([](Request& r) { r.options.policy = "ratio"; }), named("policy", "'ratio'"));
  EXPECT_EQ(refusal([](Request& r) { r.options.pending_tokens = 4; }),
            named("pending_tokens", "speculation"));
  EXPECT_EQ(refusal([](Request& r) { r.options.audit = true; }),
            named("audit", "comparing the models' tokens"));
  EXPECT_EQ(refusal([](Request& r) { r.options.reasoning_budget = 9; }),
            named("reasoning_budget", "a budget of thinking"));
  EXPECT_EQ(refusal([](Request& r) { r.options.sampling.top_logprobs = 0; }),
            named("top_logprobs", "it"));
  EXPECT_EQ(refusal([](Request& r) {
              r.options.sampling.logit_bias = {{5, 1.0F}};
            }),
            named("logit_bias", "it"));
  const Request automatic{.prompt = {.text = "In"}, .options = {.pending_tokens = 0}};
  EXPECT_EQ(pair_->resolve(automatic).pending_limit, 1) << "as many as pay: none";
}

TEST_F(ByTextPair, AnswersSeveralAtOnce) {
  ServiceOptions options;
  options.context.context_size = 128;
  options.context.sequences = 2;
  Service service(pair_, options);
  std::vector<Prompt> prompts;
  for (const char* text : {"In", " the small bird", "caf\xC3\xA9", "how many?\n"}) {
    prompts.push_back({.text = text});
  }
  std::map<std::size_t, std::string> streamed;
  std::map<std::size_t, Answer> answers;
  service.generate(
      prompts, {.policy = "random:0.5", .threshold = 0.5, .max_tokens = 24, .ignore_eog = true},
      {.on_text = [&](std::size_t i, const TextPiece& piece) { streamed[i] += piece.text; },
       .on_answer = [&](std::size_t i, Answer answer) { answers[i] = std::move(answer); }});
  ASSERT_EQ(answers.size(), prompts.size());
  for (const auto& [i, answer] : answers) {
    EXPECT_EQ(answer.tokens.size(), 24U);
    EXPECT_EQ(streamed[i], answer.text);
    EXPECT_EQ(answer.counters.tokens(), 24);
    EXPECT_GT(answer.counters.llm_own_tokens, 0);
    EXPECT_EQ(answer.llm_alone_seconds, 0.0) << "it would have written other tokens";
    std::string text;
    for (const TokenRecord& token : answer.tokens) text += token.piece;
    EXPECT_EQ(text, answer.text);
  }
}

TEST_F(ByTextPair, AGrammarIsKeptToByBoth) {
  ServiceOptions options;
  options.context.context_size = 128;
  Service service(pair_, options);
  GenerationOptions generation{.policy = "random:0.5", .threshold = 0.5, .max_tokens = 64};
  generation.sampling.grammar = R"(root ::= " the " ("red" | "small") " bird caf" "é"{2} "!")";
  int mixed = 0;
  for (const std::uint64_t seed : {1, 2, 3}) {
    generation.sampling.seed = seed;
    const Answer answer = service.write_all({{{.text = "In"}, generation}}).front();
    EXPECT_THAT(answer.text, testing::MatchesRegex(" the (red|small) bird caf\xC3\xA9\xC3\xA9!"));
    EXPECT_EQ(answer.finish, FinishReason::kEndOfGeneration);
    mixed += answer.counters.slm_tokens > 0 && answer.counters.llm_tokens > 0 ? 1 : 0;
  }
  EXPECT_EQ(mixed, 3);
}

}  // namespace
}  // namespace citer
