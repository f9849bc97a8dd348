// Labels against cases made by hand, objectives, and the split by example.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/rng.h"
#include "citer/error.h"
#include "learn/branch.h"
#include "learn/outcome_model.h"
#include "learn/score_metrics.h"
#include "learn/training_set.h"
#include "support/error_text.h"

namespace citer {
namespace {

constexpr Token kA = 10;
constexpr Token kB = 11;
constexpr Token kC = 12;

TEST(PositionKind, SlmFirstThenLlm) {
  EXPECT_EQ(position_kind(kA, kA, kA), PositionKind::kSlmOk);
  EXPECT_EQ(position_kind(kA, kB, kA), PositionKind::kSlmOk);
  EXPECT_EQ(position_kind(kA, kB, kB), PositionKind::kLlmOk);
  EXPECT_EQ(position_kind(kA, kB, kC), PositionKind::kBothOff);
}

TEST(NeedsRollout, OnlyWhereTheShortcutDoesNotDecide) {
  for (const LabelRule rule : {LabelRule::kPaper, LabelRule::kReward}) {
    EXPECT_FALSE(needs_rollout(rule, PositionKind::kSlmOk, kA, kB));
    EXPECT_FALSE(needs_rollout(rule, PositionKind::kLlmOk, kA, kB));
    EXPECT_TRUE(needs_rollout(rule, PositionKind::kBothOff, kA, kB));
  }
  EXPECT_TRUE(needs_rollout(LabelRule::kOutcome, PositionKind::kSlmOk, kA, kB));
  EXPECT_TRUE(needs_rollout(LabelRule::kOutcome, PositionKind::kLlmOk, kA, kB));
  // The same token from both models: nothing to choose, but in the paper's rule.
  EXPECT_FALSE(needs_rollout(LabelRule::kOutcome, PositionKind::kBothOff, kA, kA));
  EXPECT_FALSE(needs_rollout(LabelRule::kReward, PositionKind::kBothOff, kA, kA));
  EXPECT_TRUE(needs_rollout(LabelRule::kPaper, PositionKind::kBothOff, kA, kA));
  EXPECT_FALSE(needs_rollout(LabelRule::kTeacher, PositionKind::kBothOff, kA, kB));
}

double prefer(Branch slm, Branch llm, double cost_weight = 0.05) {
  return preference({slm}, {llm}, cost_weight);
}

TEST(Preference, RightAnswerFirstThenCost) {
  EXPECT_EQ(prefer({1, 0.0}, {1, 0.1}), 1.0);
  EXPECT_EQ(prefer({0, 0.0}, {1, 0.1}), 0.0);
  EXPECT_EQ(prefer({1, 0.1}, {0, 0.0}), 1.0);
  EXPECT_EQ(prefer({0, 0.0}, {0, 0.1}), 1.0);
  // What the SLM's token leads to may cost more later.
  EXPECT_EQ(prefer({1, 0.5}, {1, 0.1}), 0.0);
  // A cost weight above 1 makes a right answer not worth the LLM.
  EXPECT_EQ(prefer({0, 0.0}, {1, 0.9}, 2.0), 1.0);
  // Without a cost weight the cheaper branch still wins a tie.
  EXPECT_EQ(prefer({1, 0.0}, {1, 0.1}, 0.0), 1.0);
  EXPECT_EQ(prefer({1, 0.2}, {1, 0.1}, 0.0), 0.0);
}

TEST(Preference, SeveralRolloutsAreSoft) {
  const std::vector<Branch> half = {{1, 0.0}, {0, 0.0}};
  const std::vector<Branch> all = {{1, 0.0}, {1, 0.0}};
  EXPECT_NEAR(preference(half, all, 0.0), 1 / (1 + std::exp(0.5 / kRewardScale)), 1e-9);
  EXPECT_NEAR(preference(all, half, 0.0), 1 / (1 + std::exp(-0.5 / kRewardScale)), 1e-9);
  EXPECT_EQ(preference(half, half, 0.0), 1.0);
}

TEST(BranchCost, LlmAloneCostsOne) {
  Counters c;
  c.llm_tokens = c.llm_passes = c.llm_positions = 9;
  EXPECT_DOUBLE_EQ(branch_cost(c, true, 10), 1.0);
  Counters slm;
  slm.slm_tokens = 9;
  EXPECT_DOUBLE_EQ(branch_cost(slm, false, 10), 0.0);
  EXPECT_DOUBLE_EQ(branch_cost(slm, true, 10), 0.1);
}

TEST(BranchCost, RamblingOnIsNoCheaper) {
  Counters brief;
  brief.llm_passes = brief.llm_positions = 5;
  Counters rambling = brief;
  rambling.slm_tokens = 500;
  EXPECT_DOUBLE_EQ(branch_cost(rambling, false, 10), branch_cost(brief, false, 10));
}

/// Four positions of two examples: SLM right; only the LLM right; both off, twice.
Preferences hand_made() {
  Preferences p;
  p.info.n_embd = 2;
  p.examples = {{"one", true}, {"two", false}};
  p.hidden = HiddenStates(2);
  p.hidden.append(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
  p.confidence.assign(4 * kConfidenceFeatures, 0.5F);
  p.label = {1, 0, 1, 0};
  p.slm_logprob = {std::log(0.9F), std::log(0.1F), std::log(0.2F), std::log(0.3F)};
  p.llm_logprob = {std::log(0.8F), std::log(0.7F), std::log(0.2F), std::log(0.1F)};
  p.example = {0, 0, 1, 1};
  p.position = {0, 1, 0, 1};
  p.slm_token = {kA, kA, kA, kA};
  p.llm_token = {kA, kB, kB, kB};
  p.ref_token = {kA, kB, kC, kC};
  p.kind = {0, 1, 2, 2};
  p.weight = {1, 1, 1, 1};
  p.llm_gap = {0, 1, 1, 1};
  p.source = {0, 2, 2, 2};
  return p;
}

std::vector<float> row_of(const TrainingSet& set, std::size_t i) {
  std::vector<float> row(static_cast<std::size_t>(set.n_features));
  set.read(i, row);
  return row;
}

std::vector<bool> wants(const TrainingSet& set) {
  std::vector<bool> result;
  for (std::size_t i = 0; i < set.size(); ++i) result.push_back(set.wants_slm(i));
  return result;
}

TEST(TrainingSet, EachPolicyHasItsObjective) {
  const Preferences p = hand_made();
  constexpr auto kHidden = RouterFeatures::kHidden;
  EXPECT_EQ(wants(make_training_set(p, "citer", kHidden, 8)),
            (std::vector{true, false, true, false}));
  EXPECT_EQ(wants(make_training_set(p, "citer-s", kHidden, 8)),
            (std::vector{true, false, false, false}));
  EXPECT_EQ(wants(make_training_set(p, "query", kHidden, 8)), (std::vector{true, false}));
  const TrainingSet co_llm = make_training_set(p, "co-llm", kHidden, 8);
  ASSERT_EQ(co_llm.size(), 4U);
  EXPECT_FLOAT_EQ(co_llm.slm[1], 0.1F);
  EXPECT_FLOAT_EQ(co_llm.llm[1], 0.7F);
  EXPECT_EQ(co_llm.llm_factor, 1.0);
}

TEST(TrainingSet, FeaturesOfARow) {
  const Preferences p = hand_made();
  const TrainingSet set = make_training_set(p, "query", RouterFeatures::kHiddenConfidence, 8);
  ASSERT_EQ(set.n_features, 2 + kConfidenceFeatures);
  EXPECT_EQ(row_of(set, 1)[0], 5.0F) << "the second example's first position";
  EXPECT_EQ(row_of(set, 1)[2], 0.5F);
}

TEST(TrainingSet, SoftLabelsAreTwoRowsAndTheFewAreBalanced) {
  Preferences p = hand_made();
  p.label = {1, 1, 1, 0.25F};
  const TrainingSet set = make_training_set(p, "citer", RouterFeatures::kHidden, 8);
  ASSERT_EQ(set.size(), 5U);
  EXPECT_FLOAT_EQ(set.weight[3], 0.25F);
  EXPECT_FLOAT_EQ(set.weight[4], 0.75F);
  EXPECT_NEAR(set.llm_factor, 3.25 / 0.75, 1e-6);
  EXPECT_NEAR(make_training_set(p, "citer", RouterFeatures::kHidden, 2).llm_factor, 2.0, 1e-9);
}

TEST(TrainingSet, LabelsWeighWhatTheyStandForAndNoneIsNoRow) {
  Preferences p = hand_made();
  p.source[2] = static_cast<std::int32_t>(LabelSource::kCut);
  p.weight[2] = 0;
  EXPECT_EQ(make_training_set(p, "citer", RouterFeatures::kHidden, 8).size(), 3U);
  EXPECT_EQ(make_training_set(p, "citer-s", RouterFeatures::kHidden, 8).size(), 4U);
}

/// Disagreements of which one in four is rolled out. How often the SLM's token does harm depends on
/// a feature that the outcome model does not see.
Preferences few_rolled_out(int n) {
  Preferences p;
  p.info.n_embd = 1;
  p.hidden = HiddenStates(1);
  p.examples = {{"one", std::nullopt}};
  for (int i = 0; i < n; ++i) {
    const bool harmful = i % 2 == 0 && i % 10 != 0;
    const bool chosen = mix64(static_cast<std::uint64_t>(i)) % 4 == 0;
    p.hidden.append(std::vector{i % 2 == 0 ? 1.0F : -1.0F});
    p.confidence.insert(p.confidence.end(), kConfidenceFeatures, -0.5F);
    p.label.push_back(chosen && harmful ? 0.0F : 1.0F);
    p.weight.push_back(chosen ? 4.0F : 0.0F);
    p.llm_gap.push_back(0.5F);
    p.source.push_back(
        static_cast<std::int32_t>(chosen ? LabelSource::kRollout : LabelSource::kNotChosen));
  }
  const auto size = static_cast<std::size_t>(n);
  p.slm_logprob.assign(size, -1);
  p.llm_logprob.assign(size, -1);
  p.example.assign(size, 0);
  p.position.assign(size, 0);
  p.slm_token.assign(size, kA);
  p.llm_token.assign(size, kB);
  p.ref_token.assign(size, kB);
  p.kind.assign(size, 1);
  return p;
}

TEST(TrainingSet, FewRolloutsStandForAllOnAverage) {
  const Preferences p = few_rolled_out(4000);
  const OutcomeModel outcomes(p);
  EXPECT_NEAR(outcomes.predict(p, 0), 0.6, 0.05) << "all that it knows is how frequent harm is";
  const TrainingSet set = make_training_set(p, "citer", RouterFeatures::kHidden, 8);
  double even = 0.0;
  double odd = 0.0;
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (set.wants_slm(i)) (row_of(set, i)[0] > 0 ? even : odd) += set.weight[i];
  }
  EXPECT_NEAR(even / 2000, 0.2, 0.06) << "and yet the labels say where it is";
  EXPECT_NEAR(odd / 2000, 1.0, 0.06);
}

TEST(TrainingSet, AQueryPolicyNeedsTheSlmsOwnAnswers) {
  Preferences p = hand_made();
  p.examples[1].slm_right = std::nullopt;
  EXPECT_NE(test::error_text<InputError>([&] {
              make_training_set(p, "query", RouterFeatures::kHidden, 8);
            }).find("'two' was collected without"),
            std::string::npos);
}

TEST(TrainingSet, OneClassIsNothingToLearn) {
  Preferences p = hand_made();
  p.label = {1, 1, 1, 1};
  const std::string text = test::error_text<InputError>(
      [&] { make_training_set(p, "citer", RouterFeatures::kHidden, 8); });
  EXPECT_NE(text.find("nothing to learn"), std::string::npos);
}

TEST(HeldOut, OneExampleInTenAndNeverInBoth) {
  int held = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::string id = "example-" + std::to_string(i);
    const bool first = is_held_out(id, 1, 10);
    EXPECT_EQ(first, is_held_out(id, 1, 10)) << "decided by the id alone: all its rows go together";
    held += first ? 1 : 0;
  }
  EXPECT_NEAR(held, 200, 50);
}

TEST(Reliability, BinsEndAtSharesAndKeepTiesTogether) {
  // 100 rows, the score rising by hundredths; of those below one half none is wanted, above all.
  std::vector<float> scores;
  std::vector<float> wanted;
  for (int i = 0; i < 100; ++i) {
    scores.push_back(static_cast<float>(i) / 100);
    wanted.push_back(i < 50 ? 0.0F : 1.0F);
  }
  const std::vector<float> weight(100, 1.0F);
  auto bins = reliability(scores, wanted, weight);
  std::vector<double> ends;
  ends.reserve(bins.size());
  for (const ReliabilityBin& bin : bins) ends.push_back(bin.share);
  EXPECT_EQ(ends, (std::vector{0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0}));
  EXPECT_DOUBLE_EQ(bins[4].outcome, 0.0);
  EXPECT_NEAR(bins[4].score, 0.145, 1e-6);  // 0.10 to 0.19
  EXPECT_DOUBLE_EQ(bins[6].outcome, 1.0);

  // Forty rows of one score are one bin, whatever ends among them.
  std::fill(scores.begin(), scores.begin() + 40, 0.2F);
  bins = reliability(scores, wanted, weight);
  EXPECT_DOUBLE_EQ(bins[0].share, 0.4);
  EXPECT_DOUBLE_EQ(bins[1].share, 0.5);
  EXPECT_TRUE(reliability({}, {}, {}).empty());
}

TEST(ScoreMetrics, ByHand) {
  const std::vector<float> scores = {0.9F, 0.8F, 0.4F, 0.1F};
  const std::vector<float> wanted = {1, 0, 1, 0};
  const std::vector<float> weight = {1, 1, 1, 1};
  const ScoreMetrics m = score_metrics(scores, wanted, weight);
  EXPECT_DOUBLE_EQ(m.accuracy, 0.5);
  EXPECT_DOUBLE_EQ(m.auc, 0.75);  // of four pairs, one is upside down
  EXPECT_NEAR(m.calibration_error, (0.1 + 0.8 + 0.6 + 0.1) / 4, 1e-6);
  EXPECT_DOUBLE_EQ(score_metrics({}, {}, {}).auc, 0.5);
}

}  // namespace
}  // namespace citer
