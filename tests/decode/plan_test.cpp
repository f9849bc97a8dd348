// Steps without a model: what is planned from the state of sequences, and what a commit makes of an
// outcome.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decode/commit.h"
#include "decode/invariants.h"
#include "decode/scheduler.h"

namespace citer {
namespace {

using Kind = StepPlan::Kind;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kVocab = 16;

class Plans : public testing::Test {
 protected:
  Sequence& add(const std::string& policy, double threshold, int pending_limit = 1,
                std::size_t prompt = 4) {
    DecodeRequest request;
    request.prompt.assign(prompt, 3);
    request.policy = make_policy(policy);
    request.threshold = threshold;
    request.pending_limit = pending_limit;
    request.max_tokens = 8;
    sequences_.push_back(std::make_unique<Sequence>(std::move(request), kVocab));
    sequences_.back()->enter(Phase::kPrefill);
    return *sequences_.back();
  }

  std::vector<SlotView> view() const {
    std::vector<SlotView> views;
    for (const auto& sequence : sequences_) views.push_back({sequence.get()});
    return views;
  }

  StepPlan next() {
    StepPlan plan = scheduler_.next(view(), {});
    EXPECT_EQ(plan_fault(plan, view()), "");
    return plan;
  }

  /// A draft as a model might make it.
  static SlotOutcome drafted(int slot, Token id, bool pending, bool ends = false) {
    SlotOutcome outcome;
    outcome.slot = slot;
    Draft& draft = outcome.draft.emplace();
    draft.record.id = id;
    draft.record.piece = std::string(1, static_cast<char>('a' + id));
    draft.record.writer = pending ? Writer::kLlm : Writer::kSlm;
    draft.pending = pending;
    draft.ends = ends;
    draft.guesses.slm = id;
    return outcome;
  }

  static Decision decision(std::size_t position, Token id) {
    return {
        position, {id, std::string(1, static_cast<char>('a' + id)), false, {}}, Guesses{0.1F, id}};
  }

  void apply(std::vector<SlotOutcome> slots) {
    StepOutcome outcome;
    outcome.slots = std::move(slots);
    commit(std::move(outcome), sequences_, totals_);
    for (const auto& sequence : sequences_) {
      if (!sequence->finish) sequence->enter(scheduler_.phase_of(*sequence));
    }
    EXPECT_EQ(check_invariants({view(), {}, 256}), "");
  }

  /// As the decoder does for a plan that verifies.
  void begin_verifying(const StepPlan& plan) {
    for (const Read& read : plan.llm) {
      sequences_[static_cast<std::size_t>(read.slot)]->enter(Phase::kVerifying);
    }
  }

  std::vector<std::unique_ptr<Sequence>> sequences_;
  Scheduler scheduler_{{}};
  Counters totals_;
};

TEST_F(Plans, AnAnswerIsDraftedVerifiedAndEnded) {
  const Sequence& s = add("maxprob", 0.5);
  StepPlan plan = next();
  EXPECT_EQ(plan.kind, Kind::kDraft);
  ASSERT_EQ(plan.slm.size(), 1U);
  EXPECT_EQ(plan.slm[0].length, 4U);
  EXPECT_THAT(plan.slm[0].rows, ElementsAre(3));
  EXPECT_TRUE(plan.llm.empty());
  apply({drafted(0, 5, false)});
  EXPECT_EQ(s.phase, Phase::kDrafting);
  EXPECT_EQ(s.text.text(), "f");

  EXPECT_EQ(next().kind, Kind::kDraft) << "nobody waits";
  apply({drafted(0, kNoToken, true)});
  EXPECT_EQ(s.phase, Phase::kPending);
  EXPECT_EQ(s.records.size(), 1U) << "what is pending is not told";

  plan = next();
  EXPECT_EQ(plan.kind, Kind::kVerify);
  ASSERT_EQ(plan.llm.size(), 1U);
  EXPECT_EQ(plan.llm[0].length, 5U) << "catches up on all but the pending token";
  EXPECT_THAT(plan.llm[0].rows, ElementsAre(4));
  begin_verifying(plan);
  SlotOutcome decided;
  decided.decisions = {decision(5, 7)};
  decided.cost.llm_positions = 5;
  apply({decided});
  EXPECT_EQ(s.tokens, (std::vector<Token>{3, 3, 3, 3, 5, 7}));
  EXPECT_EQ(s.phase, Phase::kDrafting);

  EXPECT_EQ(next().kind, Kind::kDraft);
  apply({drafted(0, 9, false, true)});
  EXPECT_EQ(s.finish, FinishReason::kEndOfGeneration);
  EXPECT_EQ(next().kind, Kind::kNothing);
  EXPECT_EQ(totals_.slm_tokens, 2);
  EXPECT_EQ(totals_.llm_tokens, 1);
  EXPECT_EQ(totals_.llm_positions, 5);
}

TEST_F(Plans, WhoWaitsGoesOnWaiting) {
  Sequence& s = add("maxprob", 0.5);
  EXPECT_EQ(next().kind, Kind::kDraft);
  apply({drafted(0, 5, true)});
  EXPECT_EQ(s.phase, Phase::kPending);
  s.request.pending_limit = 3;  // as where new pass times say that more should be held
  apply({});                    // a step that only reads ahead for it
  EXPECT_EQ(s.phase, Phase::kPending);
  EXPECT_EQ(next().kind, Kind::kVerify);
}

TEST_F(Plans, OnePassDecidesSeveralUpToTheFirstCorrection) {
  const Sequence& s = add("maxprob", 0.5, 2);
  for (const auto& [id, pending] : {std::pair{5, true}, {6, false}, {7, true}}) {
    EXPECT_EQ(next().kind, Kind::kDraft);
    apply({drafted(0, id, pending)});
  }
  EXPECT_EQ(s.phase, Phase::kPending) << "two are pending";
  const StepPlan plan = next();
  ASSERT_EQ(plan.kind, Kind::kVerify);
  EXPECT_THAT(plan.llm[0].rows, ElementsAre(3, 5)) << "rows of pending tokens alone";
  begin_verifying(plan);
  SlotOutcome corrected;
  corrected.decisions = {decision(4, 11)};
  apply({corrected});
  EXPECT_EQ(s.tokens.back(), 11);
  EXPECT_EQ(s.records.size(), 1U);
  EXPECT_TRUE(s.drafts.empty());
  EXPECT_EQ(s.counters.rejected, 1);
  EXPECT_EQ(s.counters.dropped, 2);
}

TEST_F(Plans, NeedlessPassesAreNotPlanned) {
  add("llm", 0.5);
  StepPlan plan = next();
  EXPECT_EQ(plan.kind, Kind::kDraft);
  EXPECT_TRUE(plan.slm.empty()) << "the LLM writes for sure, and verifies at once";
  sequences_.clear();
  add("oracle", 0.5);
  plan = next();
  EXPECT_EQ(plan.slm.size(), 1U);
  EXPECT_EQ(plan.llm.size(), 1U) << "scored by both";
}

TEST_F(Plans, PromptScoringDraftingAndVerifyingTakeTurns) {
  add("maxprob", 0.5, 1, 200).request.score_prompt = true;
  add("maxprob", 0.5);
  EXPECT_EQ(next().kind, Kind::kScorePrompt);
  EXPECT_EQ(next().kind, Kind::kDraft);
  apply({drafted(1, kNoToken, true)});
  const StepPlan plan = next();
  EXPECT_EQ(plan.kind, Kind::kVerify);
  EXPECT_EQ(next().kind, Kind::kScorePrompt);
}

TEST_F(Plans, WhoFailsAloneEndsAlone) {
  add("maxprob", 0.5);
  add("maxprob", 0.5);
  next();
  SlotOutcome failed = drafted(0, 5, false);
  failed.error = "no";
  apply({failed, drafted(1, 6, false)});
  EXPECT_EQ(sequences_[0]->finish, FinishReason::kError);
  EXPECT_TRUE(sequences_[0]->is_request_fault);
  EXPECT_TRUE(sequences_[0]->records.empty());
  EXPECT_EQ(sequences_[1]->records.size(), 1U);
}

TEST_F(Plans, WhatTheLlmDoesNotAnswerTheSlmWrites) {
  Sequence& s = add("llm", 0.5, 4);
  apply({drafted(0, 5, true)});
  s.enter(Phase::kPending);
  s.enter(Phase::kVerifying);
  SlotOutcome silent;
  silent.llm_fault = "gone";
  apply({silent});
  EXPECT_TRUE(s.drafts.empty());
  EXPECT_TRUE(s.slm_stands);
  const StepPlan plan = next();
  EXPECT_EQ(plan.kind, Kind::kDraft);
  EXPECT_EQ(plan.slm.size(), 1U) << "although the LLM writes for sure";
  EXPECT_EQ(plan.drafts.front().threshold, 0.0);
  SlotOutcome own = drafted(0, 6, false);
  own.draft->record.unanswered = true;
  apply({own});
  EXPECT_EQ(s.records.size(), 1U);
  EXPECT_EQ(s.counters.unanswered, 1);
  EXPECT_FALSE(s.slm_stands);
  EXPECT_EQ(s.llm_fault, "gone");
}

TEST_F(Plans, WithoutAnAnswerWhereOneIsRequiredItFails) {
  Sequence& s = add("maxprob", 0.5);
  s.request.llm_required = true;
  apply({drafted(0, kNoToken, true)});
  s.enter(Phase::kVerifying);
  SlotOutcome silent;
  silent.llm_fault = "gone";
  apply({silent});
  EXPECT_EQ(s.finish, FinishReason::kError);
  EXPECT_EQ(s.error, "gone");
  EXPECT_TRUE(s.is_llm_fault);
}

TEST_F(Plans, ThePassUnderWayIsCollectedWhenItIsDoneOrNobodyDrafts) {
  Scheduler overlapping({.overlap = true});
  Sequence& s = add("maxprob", 0.5, 4);
  apply({drafted(0, 5, true)});
  EXPECT_EQ(overlapping.next(view(), {true, true}).kind, Kind::kCollect);
  s.enter(Phase::kVerifying);
  EXPECT_EQ(overlapping.next(view(), {true, false}).kind, Kind::kDraft) << "drafts on beside it";
  s.drafts.back().ends = true;
  EXPECT_EQ(overlapping.next(view(), {true, false}).kind, Kind::kCollect)
      << "nothing follows an end";
}

TEST_F(Plans, FaultsOfAPlanAreNamed) {
  add("maxprob", 0.5);
  StepPlan plan = next();
  plan.slm[0].length = 9;
  EXPECT_THAT(plan_fault(plan, view()), HasSubstr("reads what is not there"));
  plan = {};
  plan.kind = Kind::kVerify;
  plan.llm = {{0, 4, {3}}};
  EXPECT_THAT(plan_fault(plan, view()), HasSubstr("nothing is pending"));
  plan.llm = {{0, 4, {3, 2}}};
  EXPECT_THAT(plan_fault(plan, view()), HasSubstr("rows do not ascend"));
  plan.llm = {{0, 4, {}}, {0, 4, {}}};
  EXPECT_THAT(plan_fault(plan, view()), HasSubstr("read twice"));
  plan.llm.clear();
  plan.evictions = {{0, true, false}};
  EXPECT_THAT(plan_fault(plan, view()), HasSubstr("in use"));
}

TEST_F(Plans, BrokenInvariantsAreNamed) {
  Sequence& s = add("maxprob", 0.5);
  const auto fault = [&] { return check_invariants({view(), {}, 256}); };
  EXPECT_EQ(fault(), "");
  s.tokens.push_back(5);
  EXPECT_THAT(fault(), HasSubstr("slot 0 (prefill): tokens are not prompt, answer and drafts"));
  s.tokens.pop_back();
  s.counters.slm_tokens = 1;
  EXPECT_THAT(fault(), HasSubstr("ledger"));
  s.counters.slm_tokens = 0;
  s.phase = Phase::kPending;
  EXPECT_THAT(fault(), HasSubstr("waits for nothing"));
  s.phase = Phase::kVerifying;
  EXPECT_THAT(fault(), HasSubstr("no pass verifies it"));
}

TEST(PhaseTable, LeadsFromTheQueueToTheEndAndNowhereElse) {
  const std::vector<Phase> all = {Phase::kQueued,  Phase::kPrefill,   Phase::kDrafting,
                                  Phase::kPending, Phase::kVerifying, Phase::kFinished};
  for (const Phase phase : all) {
    EXPECT_FALSE(may_follow(Phase::kFinished, phase)) << to_string(phase);
    EXPECT_FALSE(may_follow(phase, Phase::kQueued)) << to_string(phase);
    EXPECT_EQ(may_follow(phase, Phase::kFinished), phase != Phase::kFinished) << to_string(phase);
  }
  EXPECT_FALSE(may_follow(Phase::kPending, Phase::kDrafting))
      << "only the LLM's decision ends waiting";
}

}  // namespace
}  // namespace citer
