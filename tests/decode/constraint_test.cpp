// What requests may say about an answer's tokens: grammar, bias, logprobs, a budget.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "citer/error.h"
#include "decode/random_router.h"
#include "decode/tiny_pair.h"
#include "support/llama_runner.h"

namespace citer {
namespace {

using test::TinyPair;
using test::TinyPairFiles;

class Constraint : public testing::Test {
 protected:
  static DecodeRequest request(double threshold, int limit = 1) {
    DecodeRequest r = test::make_request(test::random_prompts(1).front(), "maxprob", threshold, 40);
    r.ignore_eog = false;
    r.pending_limit = limit;
    return r;
  }
  Sequence write(DecodeRequest r) {
    TinyPair pair(files_, {.context_size = 128});
    return test::run_alone(pair, std::move(r));
  }
  TinyPairFiles files_;
};

TEST_F(Constraint, BothModelsKeepToAGrammarAndSpeculationChangesNothing) {
  for (const double temperature : {0.0, 1.5}) {
    for (const double threshold : {0.0, 0.6, 1.0}) {
      std::string plain;
      for (const int limit : {1, 3, 0}) {
        DecodeRequest r = request(threshold, limit);
        r.sampling.grammar = R"(root ::= "[" [ab] ("," [ab]){4} "]")";
        r.sampling.temperature = temperature;
        const Sequence answer = write(r);
        const std::string& text = answer.text.text();
        ASSERT_EQ(text.size(), 11U) << text;
        EXPECT_EQ(text.front(), '[');
        EXPECT_EQ(text.back(), ']');
        EXPECT_EQ(std::count(text.begin(), text.end(), ','), 4);
        EXPECT_EQ(answer.finish, FinishReason::kEndOfGeneration);
        if (limit == 1) plain = text;
        EXPECT_EQ(text, plain) << "limit " << limit;
      }
    }
  }
}

TEST_F(Constraint, AGrammarThatDoesNotParseIsRefused) {
  TinyPair pair(files_, {.context_size = 128});
  DecodeRequest r = request(0.5);
  r.sampling.grammar = "root ::= (";
  EXPECT_THROW(pair.decoder.check(r), UsageError);
  r.sampling.grammar.clear();
  r.sampling.logit_bias = {{1 << 20, 1.0F}};
  EXPECT_THROW(pair.decoder.check(r), UsageError);
}

TEST_F(Constraint, BiasBansAndForcesTokensOfBothModels) {
  const Sequence free = write(request(0.6));
  for (const double threshold : {0.0, 1.0}) {
    DecodeRequest banned = request(threshold);
    for (const TokenRecord& record : free.records) {
      banned.sampling.logit_bias.emplace_back(record.id, -INFINITY);
    }
    for (const TokenRecord& record : write(banned).records) {
      for (const auto& [token, bias] : banned.sampling.logit_bias) EXPECT_NE(record.id, token);
    }
    DecodeRequest forced = request(threshold);
    forced.sampling.logit_bias = {{7, 1000.0F}};
    for (const TokenRecord& record : write(forced).records) EXPECT_EQ(record.id, 7);
  }
}

TEST_F(Constraint, LogprobsAreThoseOfTheWriter) {
  test::LlamaRunner slm(files_.slm());
  test::LlamaRunner llm(files_.llm());
  for (const int limit : {1, 3}) {
    DecodeRequest r = request(0.6, limit);
    r.sampling.top_logprobs = 2;
    const Sequence answer = write(r);
    std::vector<Token> tokens = r.prompt;
    for (const TokenRecord& record : answer.records) {
      const auto row = (record.writer == Writer::kLlm ? llm : slm).logits(tokens).back();
      double sum = 0.0;
      for (const float v : row) sum += std::exp(static_cast<double>(v));
      ASSERT_TRUE(record.logprobs);
      EXPECT_NEAR(record.logprobs->logprob,
                  row[static_cast<std::size_t>(record.id)] - std::log(sum), 2e-3);
      ASSERT_EQ(record.logprobs->top.size(), 2U);
      EXPECT_EQ(record.logprobs->top[0].first, record.id) << "greedy";
      EXPECT_GE(record.logprobs->top[0].second, record.logprobs->top[1].second);
      tokens.push_back(record.id);
    }
  }
}

/// Uniform scores, calibrated as they are.
class UniformPolicy : public RoutingPolicy {
 public:
  const std::string& name() const override { return name_; }
  PolicyNeeds needs() const override { return {}; }
  double default_threshold() const override { return 0.5; }
  std::optional<double> threshold_for_budget(double budget) const override { return budget; }
  void score(std::span<const PolicyInput> inputs, std::span<float> scores) const override {
    // Scores that a fixed threshold would miss its budget with: they are squares.
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      Rng rng(inputs[i].position);
      const double u = static_cast<double>(rng.uniform(0, 999)) / 1000;
      scores[i] = static_cast<float>(u * u);
    }
  }

 private:
  std::string name_ = "uniform";
};

TEST_F(Constraint, ABudgetIsKeptDuringTheAnswer) {
  for (const double budget : {0.1, 0.3, 0.6}) {
    std::vector<Token> plain;
    for (const int limit : {1, 4}) {
      TinyPair pair(files_, {.context_size = 512});
      DecodeRequest r = request(budget, limit);
      r.max_tokens = 300;
      r.ignore_eog = true;
      r.policy = std::make_shared<UniformPolicy>();
      r.budget = budget;
      const Sequence answer = test::run_alone(pair, r);
      const double share = static_cast<double>(answer.counters.llm_tokens) / 300;
      EXPECT_NEAR(share, budget, 0.06);
      if (limit == 1) plain = test::written_tokens(answer);
      EXPECT_EQ(test::written_tokens(answer), plain);
    }
  }
}

}  // namespace
}  // namespace citer
