// What requests may say about an answer's tokens: grammar, bias, logprobs, a budget.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "citer/error.h"
#include "decode/constraint.h"
#include "decode/random_router.h"
#include "decode/tiny_pair.h"
#include "support/llama_runner.h"
#include "support/read_row.h"

namespace citer {
namespace {

using test::TinyPair;
using test::TinyPairFiles;

class ConstraintTest : public testing::Test {
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
  /// With a grammar, over the pair's vocabulary.
  DecodeRequest constrained(DecodeRequest r, const std::string& grammar) const {
    r.constraint = {compile_grammar(grammar), make_token_trie(load_vocab()), &load_vocab()};
    return r;
  }
  const Vocab& load_vocab() const {
    if (!model_) model_ = test::load_exact(files_.slm());
    return model_->vocab();
  }
  TinyPairFiles files_;
  mutable std::shared_ptr<Model> model_;
};

TEST_F(ConstraintTest, BothModelsKeepToAGrammarAndSpeculationChangesNothing) {
  for (const double temperature : {0.0, 1.5}) {
    for (const double threshold : {0.0, 0.6, 1.0}) {
      std::string plain;
      for (const int limit : {1, 3, 0}) {
        DecodeRequest r = request(threshold, limit);
        r = constrained(std::move(r), R"(root ::= "[" [ab] ("," [ab]){4} "]")");
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

TEST_F(ConstraintTest, AFinishedGrammarEndsTheAnswerEvenWhereTheModelsWouldGoOn) {
  for (const double threshold : {0.0, 0.6, 1.0}) {
    for (const int limit : {1, 3, 0}) {
      DecodeRequest r = constrained(request(threshold, limit), R"(root ::= "a"{3})");
      r.ignore_eog = true;
      const Sequence answer = write(r);
      EXPECT_EQ(answer.text.text(), "aaa");
      EXPECT_EQ(answer.finish, FinishReason::kEndOfGeneration);
      EXPECT_EQ(answer.records.back().piece, "a") << "no token that ends the answer";
    }
  }
}

// One draw

/// Logits at random, [vocabulary].
std::vector<float> some_logits(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> logits(n);
  for (float& logit : logits) logit = 4.0F * static_cast<float>(rng.unit());
  return logits;
}

TEST_F(ConstraintTest, ADrawIsTheFreeOneWhereTheGrammarAllowsItElseOneAmongThoseItAllows) {
  const Vocab& vocab = load_vocab();
  const auto n = static_cast<std::size_t>(vocab.size());
  SamplingOptions options;
  options.temperature = 1.0;
  Sampler plain(vocab.size(), options, 5);
  const DecodeRequest r = constrained({}, "root ::= [\\x00-\\x7F]*");
  ConstrainedSampler sampler(vocab.size(), options, 5, r.constraint, 1);
  GrammarMatcher matcher(r.constraint.grammar);
  std::vector<bool> allowed(n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto token = static_cast<Token>(i);
    const std::string& piece = vocab.piece(token);
    allowed[i] = vocab.is_end_of_generation(token) || (!piece.empty() && matcher.allows(piece));
  }
  int free = 0;
  std::vector<Token> context = {test::kTinyBos};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::vector<float> logits = some_logits(n, seed);
    const test::ReadRow read(logits);
    for (const Token without : {kNoToken, sampler.sample(read.row(), context)}) {
      const Token token = plain.sample(logits, context, without);
      const bool fits = allowed[static_cast<std::size_t>(token)];
      free += fits ? 1 : 0;
      EXPECT_EQ(sampler.sample(read.row(), context, without),
                fits ? token : plain.sample(logits, context, without, &allowed));
    }
    const Token next = sampler.sample(read.row(), context);
    if (!vocab.is_end_of_generation(next)) context.push_back(next);
  }
  EXPECT_GT(free, 20);
  EXPECT_LT(free, 380);
}

TEST_F(ConstraintTest, ADrawDoesNotDependOnWhatWasTakenBack) {
  const Vocab& vocab = load_vocab();
  const auto n = static_cast<std::size_t>(vocab.size());
  const DecodeRequest r =
      constrained({}, R"(root ::= "[" ([ab]+ | root) ("," ([ab]+ | root))* "]")");
  SamplingOptions options;
  options.temperature = 2.0;
  ConstrainedSampler lasting(vocab.size(), options, 5, r.constraint, 1);
  Rng rng(9);
  std::vector<Token> context = {test::kTinyBos};
  for (std::uint64_t step = 0; step < 300; ++step) {
    const test::ReadRow read(some_logits(n, step));
    ConstrainedSampler fresh(vocab.size(), options, 5, r.constraint, 1);
    const Token token = lasting.sample(read.row(), context);
    ASSERT_EQ(token, fresh.sample(read.row(), context));
    ASSERT_EQ(lasting.is_complete(context), fresh.is_complete(context));
    if (!vocab.is_end_of_generation(token)) context.push_back(token);
    if (rng.uniform(0, 4) == 0) {
      context.resize(static_cast<std::size_t>(rng.uniform(1, static_cast<int>(context.size()))));
    }
  }
}

TEST_F(ConstraintTest, WhereNothingIsAllowedTheAnswerEnds) {
  const Vocab& vocab = load_vocab();
  const test::ReadRow read(some_logits(static_cast<std::size_t>(vocab.size()), 1));
  const std::vector<Token> context = {test::kTinyBos, test::tiny_byte_token('a')};
  const DecodeRequest dead = constrained({}, "root ::= \"a\" b\nb ::= b \"b\"");
  ConstrainedSampler sampler(vocab.size(), {}, 5, dead.constraint, 1);
  EXPECT_EQ(sampler.sample(read.row(), std::span(context).first(1)), context[1]);
  EXPECT_EQ(sampler.sample(read.row(), context), vocab.end_of_answer());
}

TEST_F(ConstraintTest, AGrammarThatTakesTooMuchFailsTheDrawAndNothingElse) {
  const Vocab& vocab = load_vocab();
  const test::ReadRow read(some_logits(static_cast<std::size_t>(vocab.size()), 1));
  GrammarLimits limits;
  limits.work = 400;
  const auto grammar = compile_grammar("root ::= \"a\" | \"b\" (\"c\"?){300}", limits);
  ConstrainedSampler sampler(vocab.size(), {}, 5, {grammar, make_token_trie(vocab), &vocab}, 1);
  std::vector<Token> context = {test::kTinyBos, test::tiny_byte_token('b')};
  for (int i = 0; i < 3; ++i) EXPECT_THROW(sampler.sample(read.row(), context), GrammarError);
  context.back() = test::tiny_byte_token('a');
  EXPECT_EQ(sampler.sample(read.row(), context), vocab.end_of_answer());
  EXPECT_TRUE(sampler.is_complete(context));
}

TEST_F(ConstraintTest, BiasForTokensThatAreNotThereIsRefused) {
  TinyPair pair(files_, {.context_size = 128});
  DecodeRequest r = request(0.5);
  r.sampling.logit_bias = {{1 << 20, 1.0F}};
  EXPECT_THROW(pair.decoder.check(r), UsageError);
}

TEST_F(ConstraintTest, BiasBansAndForcesTokensOfBothModels) {
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

TEST_F(ConstraintTest, LogprobsAreThoseOfTheWriter) {
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
  void score(std::span<const PolicyInput> inputs, std::span<double> scores) const override {
    // Scores that a fixed threshold would miss its budget with: they are squares.
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      Rng rng(inputs[i].position);
      const double u = static_cast<double>(rng.uniform(0, 999)) / 1000;
      scores[i] = u * u;
    }
  }

 private:
  std::string name_ = "uniform";
};

TEST_F(ConstraintTest, ABudgetIsKeptDuringTheAnswer) {
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
