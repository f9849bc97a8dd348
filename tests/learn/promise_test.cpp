#include "learn/promise.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"
#include "citer/error.h"

namespace citer {
namespace {

/// The LLM has all n right; routing at each threshold has the first so many wrong.
TaskOutcomes task_of(int n, const std::vector<int>& harms) {
  TaskOutcomes task;
  task.llm.assign(static_cast<std::size_t>(n), true);
  for (const int wrong : harms) {
    std::vector<bool> routed(static_cast<std::size_t>(n), true);
    std::fill_n(routed.begin(), wrong, false);
    task.routed.push_back(std::move(routed));
  }
  return task;
}

/// Harms that a promise of 99 % at 95 % allows among n right answers of the LLM; -1 for none.
int allowed_harms(int n) {
  int allowed = -1;
  while (binomial_tail(n, 0.01, allowed + 1) <= 0.05) ++allowed;
  return allowed;
}

TEST(Promise, AllowsWhatTheBinomialSays) {
  EXPECT_EQ(allowed_harms(298), -1);
  EXPECT_EQ(allowed_harms(300), 0);
  EXPECT_EQ(allowed_harms(500), 1);
  EXPECT_EQ(allowed_harms(757), 2);
  EXPECT_EQ(allowed_harms(1000), 4);
  EXPECT_EQ(allowed_harms(2000), 12);
}

TEST(Promise, TakesTheCheapestThreshold) {
  const Promise promise = make_promise({}, {0.2, 0.5, 0.8}, {task_of(1000, {30, 4, 0})});
  EXPECT_EQ(promise.threshold, 0.5);
  EXPECT_EQ(promise.examples, 1000);
  EXPECT_EQ(promise.harms, 4);
  EXPECT_FALSE(promise.needed.has_value());
}

/// The walk stops at the first failure, though a cheaper threshold would pass by luck.
TEST(Promise, StopsAtTheFirstFailure) {
  EXPECT_EQ(make_promise({}, {0.2, 0.5, 0.8}, {task_of(1000, {0, 10, 0})}).threshold, 0.8);
  EXPECT_FALSE(
      make_promise({}, {0.2, 0.5, 0.8}, {task_of(1000, {0, 0, 10})}).threshold.has_value());
}

TEST(Promise, HoldsForEachTask) {
  const Promise promise =
      make_promise({}, {0.2, 0.8}, {task_of(5000, {0, 0}), task_of(500, {9, 1})});
  EXPECT_EQ(promise.threshold, 0.8);
  EXPECT_EQ(promise.examples, 500) << "of the weaker task";
  EXPECT_EQ(promise.harms, 1);
}

TEST(Promise, SaysHowManyExamplesItWouldTake) {
  const Promise few = make_promise({}, {0.5}, {task_of(100, {0})});
  EXPECT_FALSE(few.threshold.has_value());
  EXPECT_EQ(few.needed, 299);
  const Promise hopeless = make_promise({}, {0.5}, {task_of(100, {2})});
  EXPECT_FALSE(hopeless.threshold.has_value());
  EXPECT_FALSE(hopeless.needed.has_value());
  EXPECT_FALSE(make_promise({}, {}, {}).threshold.has_value());
}

TEST(Promise, RefusesPartsOutOfRange) {
  EXPECT_THROW(make_promise({.accuracy = 1.0}, {}, {}), FieldError);
  EXPECT_THROW(make_promise({.confidence = 0.0}, {}, {}), FieldError);
}

/// Of promises made on random examples at most one in twenty is false. Harms grow as thresholds
/// fall; at the second the promise just fails.
TEST(Promise, IsFalseAtMostAsOftenAsItSays) {
  const std::vector<double> thresholds = {0.2, 0.4, 0.6, 0.8};
  const std::vector<double> rates = {0.03, 0.0101, 0.004, 0.001};
  Rng rng(5);
  constexpr int kRuns = 1000;
  int broken = 0;
  int kept = 0;
  for (int run = 0; run < kRuns; ++run) {
    TaskOutcomes task;
    task.llm.assign(1000, true);
    task.routed.assign(thresholds.size(), std::vector<bool>(1000, true));
    for (std::size_t i = 0; i < 1000; ++i) {
      const double luck = rng.unit();
      for (std::size_t k = 0; k < rates.size(); ++k) task.routed[k][i] = luck >= rates[k];
    }
    const auto threshold = make_promise({}, thresholds, {task}).threshold;
    broken += threshold && *threshold <= 0.4 ? 1 : 0;
    kept += threshold && *threshold > 0.4 ? 1 : 0;
  }
  EXPECT_LE(broken, 65) << "one in twenty and three standard errors";
  EXPECT_GT(kept, 600);
}

}  // namespace
}  // namespace citer
