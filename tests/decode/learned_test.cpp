// Learned policies in the decoder: what is scored, and which model runs.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "decode/random_router.h"
#include "decode/tiny_pair.h"

namespace citer {
namespace {

/// Another policy, and how many tokens it scored.
class CountingPolicy final : public RoutingPolicy {
 public:
  explicit CountingPolicy(std::shared_ptr<const RoutingPolicy> inner) : inner_(std::move(inner)) {}
  const std::string& name() const override { return inner_->name(); }
  PolicyNeeds needs() const override { return inner_->needs(); }
  double default_threshold() const override { return inner_->default_threshold(); }
  void score(std::span<const PolicyInput> inputs, std::span<double> scores) const override {
    scored_ += inputs.size();
    inner_->score(inputs, scores);
  }
  std::size_t scored() const { return scored_; }

 private:
  std::shared_ptr<const RoutingPolicy> inner_;
  mutable std::atomic<std::size_t> scored_{0};
};

class Learned : public testing::Test {
 protected:
  static constexpr int kLength = 12;

  /// One answer by a policy over a fresh pair.
  Sequence answer(const std::vector<Token>& prompt,
                  const std::shared_ptr<const RoutingPolicy>& policy, double threshold) const {
    TinyPair pair(files_, {.context_size = 128});
    DecodeRequest request = test::make_request(prompt, "slm", threshold, kLength);
    request.policy = policy;
    return test::run_alone(pair, std::move(request));
  }

  using TinyPair = test::TinyPair;
  test::TinyPairFiles files_;
  std::shared_ptr<Model> slm_ = test::load_exact(files_.slm());
};

TEST_F(Learned, QueryDecidesOnceAndAsksOneModel) {
  const auto query = test::random_learned_policy("query", *slm_);
  int by_llm = 0;
  const auto prompts = test::random_prompts(12);
  for (const std::vector<Token>& prompt : prompts) {
    const auto counting = std::make_shared<CountingPolicy>(query);
    const Sequence s = answer(prompt, counting, 0.5);
    const auto whole = static_cast<std::int64_t>(prompt.size()) + kLength - 1;
    EXPECT_EQ(counting->scored(), 1U);
    for (const TokenRecord& record : s.records) EXPECT_EQ(record.score, s.records[0].score);
    if (s.records[0].score < 0.5F) {
      ++by_llm;
      EXPECT_EQ(s.counters.llm_tokens, kLength);
      EXPECT_EQ(s.counters.slm_passes, 1) << "the one that read the prompt";
      EXPECT_EQ(s.counters.slm_positions, static_cast<std::int64_t>(prompt.size()));
      EXPECT_EQ(s.counters.llm_positions, whole);
    } else {
      EXPECT_EQ(s.counters.slm_tokens, kLength);
      EXPECT_EQ(s.counters.llm_passes, 0);
      EXPECT_EQ(s.counters.slm_positions, whole);
    }
  }
  EXPECT_GT(by_llm, 0);
  EXPECT_LT(by_llm, static_cast<int>(prompts.size()));
}

TEST_F(Learned, CiterScoresEveryToken) {
  const auto citer = test::random_learned_policy("citer", *slm_);
  const auto counting = std::make_shared<CountingPolicy>(citer);
  const std::vector<Token> prompt = test::random_prompts(1)[0];
  std::vector<double> scores;
  for (const TokenRecord& record : answer(prompt, citer, 0.0).records)
    scores.push_back(record.score);
  std::sort(scores.begin(), scores.end());
  const double threshold = scores[scores.size() / 2];
  const Sequence s = answer(prompt, counting, threshold);
  EXPECT_EQ(counting->scored(), static_cast<std::size_t>(kLength));
  EXPECT_GT(s.counters.slm_tokens, 0);
  EXPECT_GT(s.counters.llm_tokens, 0);
  for (const TokenRecord& record : s.records) {
    EXPECT_EQ(record.writer == Writer::kLlm, record.score < threshold);
  }
}

TEST_F(Learned, ThresholdsZeroAndOneAreTheModelsAlone) {
  const std::vector<Token> prompt = test::random_prompts(1)[0];
  const auto alone = [&](const char* name, double threshold) {
    return test::written_tokens(answer(prompt, make_policy(name), threshold));
  };
  for (const char* name : {"citer", "query"}) {
    const auto policy = test::random_learned_policy(name, *slm_);
    EXPECT_EQ(test::written_tokens(answer(prompt, policy, 0.0)), alone("slm", 0.0));
    EXPECT_EQ(test::written_tokens(answer(prompt, policy, 1.0)), alone("llm", 1.0));
  }
}

}  // namespace
}  // namespace citer
