#include "engine/route_choice.h"

#include <gtest/gtest.h>

namespace citer {
namespace {

/// Passes of so many seconds each, whatever they read; one token in `every` is pending.
SpeculationPlanner measured(double slm, double llm, int every) {
  SpeculationPlanner planner;
  for (int i = 0; i < 200; ++i) {
    planner.saw_slm_step(1, slm);
    planner.saw_slm_prefill(100, 20 * slm);
    planner.saw_draft(i % every == 0);
    planner.saw_llm_pass(1, 1 + i % 20, 1, llm);
  }
  return planner;
}

DecodeRequest request(int pending_limit = 1) {
  DecodeRequest request;
  request.prompt.assign(10, 3);
  request.max_tokens = 100;
  request.policy = make_policy("maxprob");
  request.threshold = 0.9;
  request.pending_limit = pending_limit;
  request.routing_is_free = true;
  return request;
}

class RouteChoiceTest : public testing::Test {
 protected:
  /// What becomes of a request.
  DecodeRequest chosen(const SpeculationPlanner& planner, DecodeRequest asked = request(),
                       std::size_t unread = 10, int together = 1) {
    choice_.choose(asked, unread, together, planner);
    return asked;
  }
  std::string policy(const SpeculationPlanner& planner, DecodeRequest asked = request(),
                     std::size_t unread = 10, int together = 1) {
    return chosen(planner, std::move(asked), unread, together).policy->name();
  }

  RouteChoice choice_;
};

TEST_F(RouteChoiceTest, RoutesWhereThatIsFasterOrNothingIsKnown) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(policy(measured(0.01, 0.1, 10)), "maxprob");
    EXPECT_EQ(policy(SpeculationPlanner()), "maxprob");
  }
  EXPECT_EQ(choice_.not_routed(), 0);
}

TEST_F(RouteChoiceTest, TheLlmWritesAloneWhereRoutingIsSlower) {
  const SpeculationPlanner slow = measured(0.08, 0.1, 3);
  EXPECT_EQ(policy(slow), "maxprob") << "not for one answer's sake";
  const DecodeRequest alone = chosen(slow);
  EXPECT_EQ(alone.policy->name(), "llm");
  EXPECT_EQ(alone.threshold, 1.0);
  ASSERT_TRUE(alone.not_routed);
  EXPECT_NEAR(alone.not_routed->llm, 10.0, 0.1);
  EXPECT_LT(alone.not_routed->routed, 9.0);
  EXPECT_GT(alone.not_routed->routed, 5.0);
  EXPECT_EQ(choice_.not_routed(), 1);
  EXPECT_EQ(policy(measured(0.01, 0.1, 10)), "maxprob") << "times have changed";
}

TEST_F(RouteChoiceTest, WhatWasAskedForIsDone) {
  DecodeRequest asked = request();
  asked.routing_is_free = false;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(policy(measured(0.08, 0.1, 3), asked), "maxprob");
}

TEST_F(RouteChoiceTest, RoutesNowAndThenToSeeWhetherTimesHaveChanged) {
  const SpeculationPlanner slow = measured(0.08, 0.1, 3);
  int routed = 0;
  for (int i = 0; i < 1000; ++i) routed += policy(slow) == "maxprob" ? 1 : 0;
  EXPECT_GT(routed, 3);
  EXPECT_LT(routed, 10);
  const SpeculationPlanner hopeless = measured(1.0, 0.1, 3);
  routed = 0;
  for (int i = 0; i < 1000; ++i) routed += policy(hopeless) == "maxprob" ? 1 : 0;
  EXPECT_LE(routed, 1) << "a trial would be too slow";
}

TEST_F(RouteChoiceTest, ALongPromptThatTheSlmHasNotReadCountsAgainstRouting) {
  const SpeculationPlanner planner = measured(0.04, 0.1, 10);
  const DecodeRequest asked = request();
  EXPECT_EQ(policy(planner, asked, 5000), "maxprob");
  EXPECT_EQ(policy(planner, asked, 5000), "llm");
  EXPECT_EQ(policy(planner, asked, 0), "maxprob") << "the same answer, its prompt is cached";
}

TEST_F(RouteChoiceTest, TheLlmGetsGuessesWhereTheyPayAndAreAllowed) {
  const SpeculationPlanner planner = measured(0.02, 0.1, 1);  // all is pending
  policy(planner);
  EXPECT_EQ(policy(planner, request(0)), "speculative");
  EXPECT_EQ(policy(planner, request(1)), "llm");
  EXPECT_EQ(policy(planner, request(0), 10, 8), "llm") << "not of many";
}

TEST_F(RouteChoiceTest, PassesThatTakeNextToNothingDecideNothing) {
  for (int i = 0; i < 20; ++i) EXPECT_EQ(policy(measured(0.001, 0.001, 2)), "maxprob");
}

}  // namespace
}  // namespace citer
