// Router files, and the policy that runs one.
#include "route/router.h"
#include "route/thresholds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/file.h"
#include "citer/error.h"
#include "route/learned_policy.h"
#include "support/damage.h"
#include "support/error_text.h"
#include "support/odd_models.h"
#include "support/read_row.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

using test::error_text;
using testing::AllOf;
using testing::HasSubstr;

/// A router that adds up its inputs: score = sigmoid(x0 + ... ).
Router summing_router(int n_embd, RouterFeatures features = RouterFeatures::kHidden) {
  Router router;
  router.info.n_embd = n_embd;
  router.info.features = features;
  router.info.slm = {"small", 1};
  router.info.llm = {"large", 2};
  router.info.data = "some data";
  router.info.rounds = 2;
  router.info.identity = "how it was made";
  router.info.metrics = {{"auc", 0.75}};
  router.info.reliability = {{0.1, 0.25, 0.5}, {1.0, 0.75, 1.0}};
  router.info.calibration = {{0.2, 0.1, 0.6, 0.05}, {0.4, 0.3, 0.8, 0.2}, {0.9, 0.5, 0.795, 0.4}};
  router.info.calibration_examples = 40;
  router.info.slm_accuracy = 0.5;
  router.info.llm_accuracy = 0.805;
  const int n = feature_count(features, n_embd);
  router.mlp = {{n, 1, std::vector<float>(static_cast<std::size_t>(n), 1.0F), {0.0F}}};
  return router;
}

class RouterFile : public testing::Test {
 protected:
  test::TempDir folder_;
  std::filesystem::path path_ = folder_ / "router.gguf";
};

TEST_F(RouterFile, RoundTrip) {
  Router router = summing_router(8);
  router.info.promise =
      Promise{.asked = {0.98, 0.9}, .threshold = 0.4, .task = "shop", .examples = 38, .harms = 1};
  router.info.evidence = {{"shop", 38, {5, 1, 0}}, {"zoo", 40, {2, 0, 1}}};
  for (const std::size_t bin : {3, 7, 49}) {
    router.info.disagreements.emplace_back(kDisagreementBins)[bin] = 40;
  }
  save_router(path_, router);
  const Router read = load_router(path_);
  EXPECT_EQ(read.info.policy, "citer");
  EXPECT_EQ(read.info.slm, router.info.slm);
  EXPECT_EQ(read.info.llm, router.info.llm);
  EXPECT_EQ(read.info.rounds, 2);
  EXPECT_EQ(read.info.data, "some data");
  EXPECT_EQ(read.info.identity, "how it was made");
  EXPECT_EQ(read.info.metrics, router.info.metrics);
  ASSERT_EQ(read.info.reliability.size(), 2U);
  EXPECT_DOUBLE_EQ(read.info.reliability[0].share, 0.1);
  EXPECT_DOUBLE_EQ(read.info.reliability[0].score, 0.25);
  EXPECT_DOUBLE_EQ(read.info.reliability[1].outcome, 1.0);
  EXPECT_EQ(read.info.calibration_examples, 40);
  ASSERT_TRUE(read.info.promise.has_value());
  EXPECT_EQ(read.info.promise->asked.accuracy, 0.98);
  EXPECT_EQ(read.info.promise->asked.confidence, 0.9);
  EXPECT_EQ(read.info.promise->threshold, 0.4);
  EXPECT_EQ(read.info.promise->examples, 38);
  EXPECT_EQ(read.info.promise->harms, 1);
  EXPECT_FALSE(read.info.promise->needed.has_value());
  EXPECT_EQ(read.info.promise->task, "shop");
  EXPECT_EQ(read.info.evidence, router.info.evidence);
  EXPECT_EQ(read.info.disagreements, router.info.disagreements);
  EXPECT_EQ(disagreements_at(read.info, 0.4)[7], 40);
  EXPECT_TRUE(disagreements_at(read.info, 0.5).empty());
  ASSERT_EQ(read.info.calibration.size(), 3U);
  EXPECT_EQ(read.info.calibration[1].accuracy, 0.8);
  EXPECT_EQ(read.info.calibration[2].llm_passes, 0.4);
  EXPECT_EQ(read.mlp.front().weight, router.mlp.front().weight);
  EXPECT_EQ(read.weights, RouterWeights::kF16);
}

TEST_F(RouterFile, TruncatedAtAnyPlaceIsSaid) {
  save_router(path_, summing_router(8));
  const std::string bytes = read_file(path_);
  for (std::size_t size = 8; size < bytes.size(); size += 97) {
    write_file(folder_ / "cut.gguf", bytes.substr(0, size));
    EXPECT_THAT(error_text<InputError>([&] { load_router(folder_ / "cut.gguf"); }),
                AllOf(HasSubstr("cut.gguf"), HasSubstr("truncated")))
        << size;
  }
}

TEST_F(RouterFile, DamagedBytesAreReadOrRefused) {
  save_router(path_, summing_router(8));
  test::expect_reads_or_refuses_damaged(path_, 3000, 1000, load_router);
}

TEST_F(RouterFile, AnotherKindOfFileIsNamed) {
  test::write_tiny_model(folder_ / "model.gguf");
  EXPECT_THAT(
      error_text<InputError>([&] { load_router(folder_ / "model.gguf"); }),
      AllOf(HasSubstr("expected general.architecture 'citer-router'"), HasSubstr("'llama'")));
}

TEST_F(RouterFile, LayersThatDoNotFit) {
  Router router = summing_router(8);
  router.info.n_embd = 9;
  save_router(path_, router);
  EXPECT_THAT(error_text<InputError>([&] { load_router(path_); }),
              AllOf(HasSubstr("mlp.0.weight"), HasSubstr("expected 9 inputs")));
  router = summing_router(8);
  router.mlp.front().bias.front() = std::numeric_limits<float>::quiet_NaN();
  save_router(path_, router);
  EXPECT_THAT(error_text<InputError>([&] { load_router(path_); }),
              AllOf(HasSubstr("mlp.0.weight"), HasSubstr("not finite")));
}

TEST(RouterCurve, BudgetsAreInterpolatedByLogit) {
  const RouterInfo info = summing_router(8).info;
  EXPECT_NEAR(*threshold_for_budget(info, 0.2), sigmoid((logit(0.2) + logit(0.4)) / 2), 1e-9);
  EXPECT_NEAR(*threshold_for_budget(info, 0.05), 0.1, 1e-9);
  EXPECT_NEAR(*threshold_for_budget(info, 0.0), 0.0, 1e-9);
  EXPECT_EQ(threshold_for_budget(info, 1.0), 1.0);
  EXPECT_FALSE(threshold_for_budget({}, 0.2).has_value());
}

TEST(RouterCurve, ThePromiseDecidesTheDefaultThreshold) {
  RouterInfo info;
  info.calibration = {{0.1, 0.1, 0.99, 0.1}};
  info.promise = Promise{.threshold = 0.7};
  EXPECT_EQ(default_threshold(info), 0.7);
  info.promise = Promise{.needed = 299};
  EXPECT_EQ(default_threshold(info), 1.0) << "the LLM is used";
}

TEST(RouterCurve, PromisesAreMadeOfTheEvidence) {
  RouterInfo info;
  info.calibration = {{0.2, 0.1, 0.6, 0.05}, {0.4, 0.3, 0.8, 0.2}};
  EXPECT_FALSE(promise_of(info, PromiseOptions{}).has_value()) << "a file of before";
  info.evidence = {{"shop", 1000, {20, 4}}};
  EXPECT_FALSE(promise_of(info, {}).has_value()) << "none was made";
  EXPECT_EQ(promise_of(info, PromiseOptions{.accuracy = 0.99})->threshold, 0.4);
  EXPECT_EQ(promise_of(info, PromiseOptions{.accuracy = 0.95})->threshold, 0.2);
  info.promise = Promise{.asked = {0.9, 0.9}, .threshold = 0.7};
  EXPECT_EQ(promise_of(info, {})->threshold, 0.7);
  EXPECT_EQ(promise_of(info, PromiseOptions{0.9, 0.9})->threshold, 0.7) << "the stored one";
  EXPECT_THROW(promise_of(info, PromiseOptions{1.0, 0.9}), FieldError);
}

/// Beyond the last point the share still grows, up to the LLM alone.
TEST(RouterCurve, BudgetsBeyondTheCurve) {
  RouterInfo info;
  info.calibration = {{sigmoid(10), 0.1, 0.9, 0.1}, {sigmoid(20), 0.3, 0.95, 0.3}};
  const double half = *threshold_for_budget(info, 0.5);
  EXPECT_GT(logit(half), 21);
  EXPECT_LT(half, 1);
  EXPECT_GT(*threshold_for_budget(info, 0.9), half);
  EXPECT_NEAR(logit(*threshold_for_budget(info, 0.2)), 15, 1e-6);
}

TEST(RouterCurve, TheLeastThresholdNearTheLlm) {
  RouterInfo info = summing_router(8).info;
  EXPECT_EQ(threshold_for_accuracy(info, 0.99), 0.4);  // 0.8 >= 0.99 x 0.805
  info.llm_accuracy = 0.9;
  EXPECT_EQ(default_threshold(info), 0.4) << "the most accurate where none is enough";
  EXPECT_EQ(default_threshold({}), 0.5);
}

TEST(RouterCurve, TheFewerExamplesTheLargerTheMarginOfTheDefault) {
  RouterInfo info = summing_router(8).info;
  info.llm_accuracy = 1.0;
  info.calibration = {{0.1, 0.02, 0.989, 0.02}, {0.2, 0.04, 0.991, 0.04}, {0.3, 0.06, 0.999, 0.06}};
  info.calibration_examples = 1'000'000;  // standard error 0.0001
  EXPECT_EQ(default_threshold(info), 0.2);
  info.calibration_examples = 1000;  // 0.003
  EXPECT_EQ(default_threshold(info), 0.3);
  info.calibration_examples = 0;
  EXPECT_EQ(default_threshold(info), 0.2);
}

class Learned : public testing::Test {
 protected:
  Learned() {
    test::write_tiny_model(folder_ / "slm.gguf");
    model_ = Model::load({.path = (folder_ / "slm.gguf").string(), .devices = "none"});
  }
  Router own_router(RouterFeatures features = RouterFeatures::kHidden) const {
    Router router = summing_router(model_->n_embd(), features);
    router.info.slm = identity_of(*model_);
    return router;
  }
  std::vector<double> scores(const RoutingPolicy& policy,
                             const std::vector<PolicyInput>& in) const {
    std::vector<double> out(in.size());
    policy.score(in, out);
    return out;
  }

  test::TempDir folder_;
  std::shared_ptr<Model> model_;
};

TEST_F(Learned, ScoreIsTheSigmoidOfTheOutputInBatches) {
  const auto policy = make_learned_policy(own_router(), *model_);
  const std::vector<float> low(static_cast<std::size_t>(model_->n_embd()), -0.125F);
  const std::vector<float> high(static_cast<std::size_t>(model_->n_embd()), 0.125F);
  PolicyInput a;
  a.slm_hidden = low;
  PolicyInput b;
  b.slm_hidden = high;
  const double sum = 0.125 * model_->n_embd();
  const auto both = scores(*policy, {a, b});
  EXPECT_NEAR(both[0], 1 / (1 + std::exp(sum)), 1e-3);
  EXPECT_NEAR(both[1], 1 / (1 + std::exp(-sum)), 1e-3);
  EXPECT_NEAR(scores(*policy, {b})[0], both[1], 1e-6);
  EXPECT_TRUE(policy->needs().hidden);
  EXPECT_FALSE(policy->needs().per_prompt);
}

TEST_F(Learned, HiddenStatesThatAreNotNumbersAreAnError) {
  const auto policy = make_learned_policy(own_router(), *model_);
  std::vector<float> hidden(static_cast<std::size_t>(model_->n_embd()), 0.0F);
  hidden[3] = std::numeric_limits<float>::quiet_NaN();
  PolicyInput input;
  input.slm_hidden = hidden;
  EXPECT_THAT(error_text<ResourceError>([&] { scores(*policy, {input}); }),
              HasSubstr("not finite"));
}

TEST_F(Learned, RouterOfAnotherSlmIsRefusedNamingBoth) {
  Router router = own_router();
  save_router(folder_ / "router.gguf", router);
  EXPECT_EQ(load_learned_policy(folder_ / "router.gguf", *model_)->name(), "citer");
  router.info.slm = {"another", 7};
  save_router(folder_ / "router.gguf", router);
  EXPECT_THAT(
      error_text<InputError>([&] { load_learned_policy(folder_ / "router.gguf", *model_); }),
      AllOf(HasSubstr("router.gguf"), HasSubstr("'another'"), HasSubstr("0000000000000007"),
            HasSubstr("slm.gguf"), HasSubstr("'tiny'")));
}

TEST_F(Learned, ConfidenceFeaturesFollowTheLogits) {
  const auto policy = make_learned_policy(own_router(RouterFeatures::kHiddenConfidence), *model_);
  const std::vector<float> hidden(static_cast<std::size_t>(model_->n_embd()), 0.0F);
  const test::ReadRow row(std::vector<float>(50, 0.0F));
  PolicyInput input;
  input.slm_hidden = hidden;
  input.slm = row.stats;
  const double even = 8 * -std::log(50.0) + std::log(50.0);  // eight log-probabilities, entropy
  EXPECT_NEAR(std::log(scores(*policy, {input})[0]), even, 0.05);
}

TEST_F(Learned, ARouterOfConfidenceAloneReadsNoHiddenState) {
  save_router(folder_ / "router.gguf", own_router(RouterFeatures::kConfidence));
  const auto policy = load_learned_policy(folder_ / "router.gguf", *model_);
  EXPECT_FALSE(policy->needs().hidden);
  EXPECT_TRUE(policy->needs().sums);
  const test::ReadRow row(std::vector<float>(50, 0.0F));
  PolicyInput input;
  input.slm = row.stats;
  EXPECT_NEAR(std::log(scores(*policy, {input})[0]), 8 * -std::log(50.0) + std::log(50.0), 0.05);
}

TEST(ConfidenceFeatures, FallingAndBounded) {
  const auto few = confidence_features(test::ReadRow({1.0F, 3.0F, 2.0F}).stats);
  EXPECT_GT(few[0], few[1]);
  EXPECT_GT(few[1], few[2]);
  EXPECT_EQ(few[3], -20.0F) << "there is no fourth token";
  double sum = 0;
  for (int i = 0; i < 3; ++i) sum += std::exp(few[static_cast<std::size_t>(i)]);
  EXPECT_NEAR(sum, 1.0, 1e-5);
  EXPECT_NEAR(few[kTopLogprobs + 1], std::exp(few[0]) - std::exp(few[1]), 1e-5);
}

}  // namespace
}  // namespace citer
