// Rollouts of many branches together, beside each written alone from its beginning.
#include "learn/rollouts.h"

#include <gtest/gtest.h>

#include "decode/tiny_pair.h"
#include "learn/collect.h"
#include "learn/teacher.h"
#include "task/dataset.h"

namespace citer {
namespace {

std::filesystem::path bundled(const std::string& file) {
  return std::filesystem::path(CITER_SOURCE_DIR) / "models/demo" / file;
}

/// The bundled pair with digits that hardly depend on the batch.
PairOptions exact_pair() {
  PairOptions options;
  options.slm.path = bundled("slm.gguf").string();
  options.llm.path = bundled("llm.gguf").string();
  for (ModelOptions* model : {&options.slm, &options.llm}) {
    model->devices = "none";
    model->cache_type_k = model->cache_type_v = "f32";
  }
  return options;
}

ServiceOptions six_sequences() {
  ServiceOptions options;
  options.context.sequences = 6;
  options.context.flash_attention = "off";
  options.spare_sequences = collect_spare_sequences();
  options.by_times = false;
  return options;
}

class Rollouts : public testing::Test {
 protected:
  RolloutText text_of(const Example& example, int sequence) {
    RolloutText text;
    text.example = &example;
    text.sequence = sequence;
    text.prompt = service_.pair().tokenize({.text = example.prompt});
    text.text = vocab_.tokenize(example.reference, false, false);
    text.text.push_back(vocab_.end_of_answer());
    service_.with_models([&](Models& models) {
      positions_ = teacher_forced(models, sequence, text.prompt, text.text);
    });
    for (const TeacherPosition& p : positions_) text.slm.push_back(p.slm_token);
    return text;
  }

  /// Both models' branches wherever they disagree, and the SLM's own answer.
  std::vector<RolloutJob> jobs_of(const RolloutText& text) const {
    std::vector<RolloutJob> jobs = {{.text = &text, .token = text.slm.front(), .alone = true}};
    for (std::size_t h = 0; h < positions_.size(); ++h) {
      if (positions_[h].slm_token == positions_[h].llm_token) continue;
      jobs.push_back({&text, h, positions_[h].slm_token});
      jobs.push_back({&text, h, positions_[h].llm_token, true});
    }
    return jobs;
  }

  /// A job's branch, written by itself; adds the tokens it took to `tokens`.
  Branch alone(const RolloutJob& job, int max_tokens, std::int64_t& tokens) {
    const auto& text = job.text->text;
    std::vector<Token> answer(text.begin(),
                              text.begin() + static_cast<std::ptrdiff_t>(job.position));
    answer.push_back(job.token);
    std::string written = vocab_.text(answer);
    Counters counters;
    const int left = max_tokens - static_cast<int>(answer.size());
    if (!vocab_.is_end_of_generation(job.token) && left > 0) {
      std::vector<Token> prefix = job.text->prompt;
      prefix.insert(prefix.end(), answer.begin(), answer.end());
      service_.reset();
      const auto rest =
          write_answers(service_, {{.tokens = prefix}},
                        {.own_policy = make_policy("slm"), .threshold = 0.0, .max_tokens = left});
      written += rest.front().text;
      counters = rest.front().counters;
    }
    tokens += counters.tokens();
    return {judge_.judge(*job.text->example, written).correct, branch_cost(counters, job.by_llm)};
  }

  Service service_{std::make_shared<Pair>(exact_pair()), six_sequences()};
  const Vocab& vocab_ = service_.pair().vocab();
  AnswerJudge judge_;
  std::vector<TeacherPosition> positions_;
};

TEST_F(Rollouts, WhatBranchesShareIsWrittenOnceAndChangesNothing) {
  const Dataset data = load_dataset(bundled("data/math.valid.jsonl"), {.limit = 12});
  for (const int max_tokens : {256, 40}) {  // 40 ends some within the text
    std::int64_t shared_tokens = 0;
    std::int64_t alone_tokens = 0;
    int right = 0;
    std::size_t n = 0;
    for (const Example& example : data.examples) {
      service_.reset();
      const RolloutText text = text_of(example, 6);
      const std::vector<RolloutJob> jobs = jobs_of(text);
      const std::int64_t before = service_.status().totals.slm_tokens;
      const auto branches =
          run_rollouts(service_, judge_, jobs,
                       {.policy = make_policy("slm"), .threshold = 0.0, .max_tokens = max_tokens});
      shared_tokens += service_.status().totals.slm_tokens - before;
      ASSERT_EQ(branches.size(), jobs.size());
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        ASSERT_EQ(branches[i].size(), 1U);
        const Branch expected = alone(jobs[i], max_tokens, alone_tokens);
        EXPECT_EQ(branches[i][0].right, expected.right) << example.id << " job " << i;
        EXPECT_EQ(branches[i][0].cost, expected.cost) << example.id << " job " << i;
        right += expected.right ? 1 : 0;
        ++n;
      }
    }
    EXPECT_GT(right, 0);
    EXPECT_LT(static_cast<std::size_t>(right), n);
    EXPECT_LT(shared_tokens, 3 * alone_tokens / 4);
  }
}

TEST_F(Rollouts, SeveralAreSampledEach) {
  const Dataset data = load_dataset(bundled("data/math.valid.jsonl"), {.limit = 1});
  const RolloutText text = text_of(data.examples[0], 6);
  const std::vector<RolloutJob> jobs = {{.text = &text, .token = text.slm.front(), .alone = true},
                                        {&text, 3, text.slm[3]}};
  const auto branches = run_rollouts(
      service_, judge_, jobs,
      {.policy = make_policy("slm"), .threshold = 0.0, .count = 5, .temperature = 1.5});
  EXPECT_EQ(branches[0].size(), 1U) << "the SLM alone is greedy";
  EXPECT_EQ(branches[1].size(), 5U);
}

/// The bundled pair's options, with other files.
PairOptions pair_of(const test::TinyPairFiles& files) {
  PairOptions options = exact_pair();
  options.slm.path = files.slm().string();
  options.llm.path = files.llm().string();
  return options;
}

class RolloutsOf : public testing::TestWithParam<const char*> {
 protected:
  std::vector<Token> random_tokens(int n) {
    std::vector<Token> tokens;
    for (int i = 0; i < n; ++i) {
      tokens.push_back(static_cast<Token>(rng_.uniform(3, test::tiny_vocab_size() - 1)));
    }
    return tokens;
  }

  /// What is written from a beginning, alone in caches that hold nothing.
  std::vector<Token> alone(const std::vector<Token>& beginning) {
    service_.reset();
    return tokens_of(written({beginning}).front());
  }

  std::vector<Answer> written(const std::vector<std::vector<Token>>& beginnings) {
    std::vector<Prompt> prompts;
    for (const std::vector<Token>& tokens : beginnings) prompts.push_back({.tokens = tokens});
    return write_answers(service_, prompts,
                         {.own_policy = make_policy("maxprob"),
                          .threshold = 0.6,
                          .first = Writer::kSlm,
                          .max_tokens = 20});
  }

  static std::vector<Token> tokens_of(const Answer& answer) {
    std::vector<Token> tokens;
    for (const TokenRecord& record : answer.tokens) tokens.push_back(record.id);
    return tokens;
  }

  Rng rng_{3};
  test::TinyPairFiles files_{GetParam()};
  Service service_{std::make_shared<Pair>(pair_of(files_)), six_sequences()};
};

INSTANTIATE_TEST_SUITE_P(Architectures, RolloutsOf, testing::ValuesIn(test::kArchitectures),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(RolloutsOf, ContinuationsOfATextAreThoseWrittenAlone) {
  const std::vector<Token> prompt = random_tokens(60);
  const std::vector<Token> text = random_tokens(30);
  std::vector<std::vector<Token>> beginnings;
  for (const int length : {1, 7, 8, 20, 29}) {
    std::vector<Token> beginning = prompt;
    beginning.insert(beginning.end(), text.begin(), text.begin() + length);
    beginnings.push_back(beginning);
    beginnings.back().back() ^= 1;  // the other model's token
    beginnings.push_back(beginning);
  }
  service_.with_models([&](Models& models) { teacher_forced(models, 6, prompt, text); });
  const auto answers = written(beginnings);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_FALSE(answers[i].tokens.empty());
    EXPECT_LT(answers[i].counters.slm_positions, 60) << "the prompt is not read again";
    EXPECT_EQ(tokens_of(answers[i]), alone(beginnings[i])) << "continuation " << i;
  }
}

}  // namespace
}  // namespace citer
