// Rollouts of many branches together, beside each written alone from its beginning.
#include "learn/rollouts.h"

#include <gtest/gtest.h>

#include "decode/tiny_pair.h"
#include "learn/collect.h"
#include "learn/guided_writer.h"
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
    text.example = example;
    text.sequence = sequence;
    text.prompt = service_.pair().tokenize({.text = example.prompt});
    text.text = vocab_.tokenize(example.reference, false, false);
    text.text.push_back(vocab_.end_of_answer());
    service_.with_models([&](Models& models) {
      positions_ = teacher_forced(models, sequence, text.prompt, text.text, *make_policy("slm"));
    });
    for (const TeacherPosition& p : positions_) {
      text.slm.push_back(p.slm_token);
      text.llm.push_back(p.llm_token);
    }
    return text;
  }

  /// Both models' branches wherever they disagree, and a whole answer.
  std::vector<RolloutJob> jobs_of(const RolloutText& text, Continuer by) const {
    const bool slm = by == Continuer::kSlm;
    std::vector<RolloutJob> jobs = {
        {&text, 0, slm ? text.slm.front() : text.llm.front(), !slm, by}};
    for (std::size_t h = 0; h < positions_.size(); ++h) {
      if (positions_[h].slm_token == positions_[h].llm_token) continue;
      jobs.push_back({&text, h, positions_[h].slm_token, false, by});
      jobs.push_back({&text, h, positions_[h].llm_token, true, by});
    }
    return jobs;
  }

  /// A job's continuation, written by itself; adds the tokens it took to `tokens`.
  Continuation alone(const RolloutJob& job, int max_tokens, std::int64_t& tokens) {
    const auto& text = job.text->text;
    std::vector<Token> answer(text.begin(),
                              text.begin() + static_cast<std::ptrdiff_t>(job.position));
    answer.push_back(job.token);
    std::string written = vocab_.text(answer);
    Counters counters;
    const int left = max_tokens - static_cast<int>(answer.size());
    bool is_whole = vocab_.is_end_of_generation(job.token);
    if (!is_whole && left > 0) {
      std::vector<Token> prefix = job.text->prompt;
      prefix.insert(prefix.end(), answer.begin(), answer.end());
      service_.reset();
      const bool slm = job.by == Continuer::kSlm;
      const auto rest = write_answers(service_, {{.tokens = prefix}},
                                      {.own_policy = make_policy(slm ? "slm" : "llm"),
                                       .threshold = slm ? 0.0 : 1.0,
                                       .max_tokens = left});
      written += rest.front().text;
      is_whole = rest.front().finish != FinishReason::kLength;
      counters = rest.front().counters;
    }
    tokens += counters.tokens();
    counters.llm_passes = counters.llm_positions = counters.llm_tokens;  // the beginning is cached
    return {written, is_whole, branch_cost(counters, job.by_llm, text.size() - job.position)};
  }

  Service service_{std::make_shared<Pair>(exact_pair()), six_sequences()};
  const Vocab& vocab_ = service_.pair().vocab();
  std::vector<TeacherPosition> positions_;
};

class RolloutsBy : public Rollouts, public testing::WithParamInterface<Continuer> {};

INSTANTIATE_TEST_SUITE_P(Writers, RolloutsBy, testing::Values(Continuer::kSlm, Continuer::kLlm),
                         [](const auto& p) { return p.param == Continuer::kSlm ? "Slm" : "Llm"; });

TEST_P(RolloutsBy, WhatBranchesShareIsWrittenOnceAndChangesNothing) {
  const Dataset data = load_dataset(bundled("data/math.valid.jsonl"), {.limit = 8});
  for (const int max_tokens : {256, 40}) {  // 40 ends some within the text
    RolloutCosts shared;
    std::int64_t alone_tokens = 0;
    std::size_t whole = 0;
    std::size_t n = 0;
    for (const Example& example : data.examples) {
      service_.reset();
      const RolloutText text = text_of(example, 6);
      const std::vector<RolloutJob> jobs = jobs_of(text, GetParam());
      const auto found = run_rollouts(
          service_, jobs,
          {.policy = make_policy("slm"), .threshold = 0.0, .max_tokens = max_tokens}, shared);
      ASSERT_EQ(found.size(), jobs.size());
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        ASSERT_EQ(found[i].size(), 1U);
        const Continuation expected = alone(jobs[i], max_tokens, alone_tokens);
        EXPECT_EQ(found[i][0].text, expected.text) << example.id << " job " << i;
        EXPECT_EQ(found[i][0].is_whole, expected.is_whole) << example.id << " job " << i;
        EXPECT_DOUBLE_EQ(found[i][0].cost, expected.cost) << example.id << " job " << i;
        whole += expected.is_whole ? 1 : 0;
        ++n;
      }
    }
    if (max_tokens == 40) {
      EXPECT_LT(whole, n) << "some are cut off";
    } else {
      EXPECT_GT(whole, n / 2);
    }
    EXPECT_LT(shared.continuations, static_cast<std::int64_t>(n));
    EXPECT_LT(shared.tokens, 3 * alone_tokens / 4);
  }
}

TEST_F(Rollouts, AGuidedTextComesBackToItsGuideInFewPasses) {
  const Dataset data = load_dataset(bundled("data/math.valid.jsonl"), {.limit = 8});
  std::int64_t passes = 0;
  std::int64_t tokens = 0;
  for (const Example& example : data.examples) {
    service_.reset();
    const RolloutText text = text_of(example, 6);
    std::vector<Token> whole = text.prompt;
    whole.push_back(text.text.front());
    service_.with_models([&](Models& models) {
      const GuidedJob job{6, whole, text.prompt.size(), 200, text.text};
      const auto guided = write_guided(models.llm, vocab_, 1, {}, {&job, 1});
      const GuidedJob plain_job{6, whole, text.prompt.size(), 200, {}};
      const auto plain = write_guided(models.llm, vocab_, 1, {}, {&plain_job, 1});
      EXPECT_EQ(guided[0].text, plain[0].text) << example.id;
      EXPECT_EQ(guided[0].tokens, plain[0].tokens);
      EXPECT_TRUE(guided[0].is_whole);
      EXPECT_EQ(plain[0].passes, static_cast<int>(plain[0].tokens.size()));
      passes += guided[0].passes;
      tokens += plain[0].passes;
    });
  }
  EXPECT_LT(passes, tokens / 2);
}

TEST_F(Rollouts, SeveralAreSampledEach) {
  const Dataset data = load_dataset(bundled("data/math.valid.jsonl"), {.limit = 1});
  const RolloutText text = text_of(data.examples[0], 6);
  const std::vector<RolloutJob> jobs = {{&text, 0, text.slm.front(), false, Continuer::kSlm},
                                        {&text, 3, text.slm[3]},
                                        {&text, 3, text.slm[3], false, Continuer::kLlm}};
  RolloutCosts costs;
  const auto found = run_rollouts(
      service_, jobs,
      {.policy = make_policy("slm"), .threshold = 0.0, .count = 5, .temperature = 1.5}, costs);
  EXPECT_EQ(found[0].size(), 1U) << "the SLM alone is greedy";
  EXPECT_EQ(found[1].size(), 5U);
  EXPECT_EQ(found[2].size(), 5U);
  EXPECT_EQ(costs.continuations, 11);
}

TEST_F(Rollouts, StopStringsEndThem) {
  const Dataset data = load_dataset(bundled("data/math.valid.jsonl"), {.limit = 1});
  const RolloutText text = text_of(data.examples[0], 6);
  const std::string whole = vocab_.text(text.text);
  const std::string stop = whole.substr(whole.size() / 2, 6);
  for (const Continuer by : {Continuer::kSlm, Continuer::kLlm}) {
    RolloutCosts costs;
    const auto found =
        run_rollouts(service_, {{&text, 0, text.text.front(), true, by}},
                     {.policy = make_policy("slm"), .threshold = 0.0, .stop = {stop}}, costs);
    EXPECT_EQ(found[0][0].text.find(stop), std::string::npos);
  }
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
  service_.with_models(
      [&](Models& models) { teacher_forced(models, 6, prompt, text, *make_policy("slm")); });
  const auto answers = written(beginnings);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_FALSE(answers[i].tokens.empty());
    EXPECT_LT(answers[i].counters.slm_positions, 60) << "the prompt is not read again";
    EXPECT_EQ(tokens_of(answers[i]), alone(beginnings[i])) << "continuation " << i;
  }
}

}  // namespace
}  // namespace citer
