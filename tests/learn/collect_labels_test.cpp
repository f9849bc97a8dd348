// Collection with the bundled pair: which positions are rolled out, and who says what is right.
#include "base/file.h"
#include "citer/error.h"
#include "learn/collect_fixture.h"

namespace citer {
namespace {

using test::error_text;
using testing::AllOf;
using testing::HasSubstr;

std::vector<std::size_t> rows_by(const Preferences& p, LabelSource source) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p.source[i] == static_cast<std::int32_t>(source)) rows.push_back(i);
  }
  return rows;
}

TEST_F(Collect, FewPositionsAreChosenAndStandForTheOthers) {
  CollectJob o = options(24);
  const auto all = collect(services_, o);
  o.positions = 2;
  o.out = folder_ / "few.gguf";
  const auto few = collect(services_, o);
  ASSERT_TRUE(all && few);
  const auto chosen = rows_by(*few, LabelSource::kRollout);
  const auto rolled = rows_by(*all, LabelSource::kRollout);
  EXPECT_EQ(chosen.size() + rows_by(*few, LabelSource::kNotChosen).size(), rolled.size());
  EXPECT_LE(chosen.size(), 48U);
  EXPECT_LT(few->info.counts.rollout_tokens, all->info.counts.rollout_tokens);
  double stand_for = 0.0;
  for (const std::size_t i : chosen) {
    EXPECT_EQ(few->label[i], all->label[i]) << "what is labelled does not depend on the choice";
    EXPECT_GE(few->weight[i], 1.0F);
    stand_for += few->weight[i];
  }
  const auto n = static_cast<double>(rolled.size());
  EXPECT_NEAR(stand_for, n, 0.3 * n);
  for (const std::size_t i : rows_by(*few, LabelSource::kNotChosen))
    EXPECT_EQ(few->weight[i], 0.0F);
}

TEST_F(Collect, WhatIsCutOffIsNoPreference) {
  CollectJob o = options(16);
  o.max_tokens = 12;  // too few to come to an answer
  const auto p = collect(services_, o);
  ASSERT_TRUE(p);
  const auto cut = rows_by(*p, LabelSource::kCut);
  EXPECT_EQ(static_cast<std::size_t>(p->info.counts.cut_off), cut.size());
  EXPECT_GT(cut.size(), 10U);
  for (const std::size_t i : cut) EXPECT_EQ(p->weight[i], 0.0F);
  EXPECT_THAT(counts_text(p->info.counts), HasSubstr("a rollout was cut off"));
}

TEST_F(Collect, AgreementNeedsNoRightAnswers) {
  const std::string wrong =
      R"({"problem":"Mia has 3 pens. She buys 4 more. How many pens does she have?",)"
      R"("solution":"\\boxed{1000}"})";
  CollectJob o = options();
  o.data = {write("wrong.jsonl", wrong + "\n")};
  o.judge = OutcomeRule::kAgreement;
  EXPECT_THAT(error_text<FieldError>([&] { collect(services_, o); }),
              HasSubstr("judge and states"));
  o.states = StateSource::kLlm;
  const auto p = collect(services_, o);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->info.counts.examples, 1);
  EXPECT_EQ(p->info.counts.wrong_llm, 0);

  // On data with right answers it labels as they do where the LLM is right.
  o.data = {bundled("data/mc.train.jsonl")};
  o.dataset.limit = 12;
  o.out = folder_ / "agreement.gguf";
  const auto agreement = collect(services_, o);
  o.judge = OutcomeRule::kAnswer;
  o.out = folder_ / "answer.gguf";
  const auto answer = collect(services_, o);
  ASSERT_TRUE(agreement && answer);
  ASSERT_EQ(answer->info.counts.wrong_llm, 0) << "the bundled LLM knows them all";
  EXPECT_EQ(agreement->label, answer->label);
}

TEST_F(Collect, TheTeacherLabelsTextsThatNobodyJudges) {
  CollectJob o = options();
  o.data = {write("wrong.jsonl",
                  R"({"problem":"Mia has 3 pens. She buys 4 more. How many pens does )"
                  R"(she have?","solution":"\\boxed{1000}"})"
                  "\n")};
  o.states = StateSource::kLlm;
  o.labels = LabelRule::kTeacher;
  const auto p = collect(services_, o);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->info.counts.examples, 1);
  EXPECT_EQ(p->info.counts.rollouts, 0);
  const auto rows = rows_by(*p, LabelSource::kTeacher);
  EXPECT_FALSE(rows.empty());
  for (std::size_t i = 0; i < p->size(); ++i) {
    EXPECT_EQ(p->weight[i], 1.0F);
    EXPECT_NEAR(p->label[i], std::exp(-p->llm_gap[i]), 1e-6);
    const bool agree = p->slm_token[i] == p->llm_token[i];
    EXPECT_EQ(agree, p->label[i] == 1.0F);
  }
  o.judge = OutcomeRule::kAgreement;
  EXPECT_THAT(error_text<FieldError>([&] { collect(services_, o); }),
              HasSubstr("judge and labels: "));
}

TEST_F(Collect, ACommandJudges) {
  CollectJob o = options(4);
  o.positions = 2;
  o.judge = OutcomeRule::kCommand;
  EXPECT_THAT(error_text<FieldError>([&] { collect(services_, o); }), HasSubstr("command"));
  o.command = "cat > /dev/null; exit 3";
  EXPECT_THAT(error_text<InputError>([&] { collect(services_, o); }),
              AllOf(HasSubstr("exit 3"), HasSubstr("found 3")));
  o.command = R"(grep -q '"gold":.*"id":.*"prompt":.*"text":')";
  o.out = folder_ / "all-right.gguf";
  const auto p = collect(services_, o);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->info.counts.prefer_llm, 0) << "both continuations are right, the SLM's is cheaper";
  EXPECT_GT(p->info.counts.by_rollout, 0);
}

TEST_F(Collect, TheLlmCompares) {
  CollectJob o = options(2);
  o.positions = 2;
  o.judge = OutcomeRule::kLlm;
  const auto p = collect(services_, o);
  ASSERT_TRUE(p);
  EXPECT_GT(p->info.counts.by_rollout, 0);
  o.labels = LabelRule::kPaper;
  EXPECT_THAT(error_text<FieldError>([&] { collect(services_, o); }),
              HasSubstr("judge and labels"));
}

}  // namespace
}  // namespace citer
