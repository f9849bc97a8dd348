#include "route/promise.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "citer/error.h"

namespace citer {
namespace {

/// The LLM has n right; routing at each threshold has so many of them wrong.
TaskEvidence task_of(int n, std::vector<int> harms) { return {"task", n, std::move(harms)}; }

/// Harms that a promise of 99 % at 95 % allows among n right answers of the LLM; -1 for none.
int allowed_harms(int n) {
  int allowed = -1;
  while (binomial_tail(n, 0.01, allowed + 1) <= 0.05) ++allowed;
  return allowed;
}

TEST(Promise, BinomialTail) {
  EXPECT_EQ(binomial_tail(10, 0.3, -1), 0.0);
  EXPECT_NEAR(binomial_tail(10, 0.3, 0), std::pow(0.7, 10), 1e-12);
  EXPECT_NEAR(binomial_tail(10, 0.3, 9), 1 - std::pow(0.3, 10), 1e-12);
  EXPECT_EQ(binomial_tail(10, 0.3, 10), 1.0);
  EXPECT_NEAR(binomial_tail(1000, 0.01, 900), 1.0, 1e-9);
  EXPECT_NEAR(binomial_tail(100'000, 0.5, 50'000), 0.5, 2e-3) << "no term is lost";
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
  const Promise slow = make_promise({}, {0.5}, {task_of(1000, {9})});
  ASSERT_TRUE(slow.needed.has_value());
  EXPECT_LE(binomial_tail(*slow.needed, 0.01, static_cast<int>(std::ceil(0.009 * *slow.needed))),
            0.05);
  EXPECT_GT(*slow.needed, 20000);
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
    TaskEvidence task = task_of(1000, std::vector<int>(thresholds.size()));
    for (std::size_t i = 0; i < 1000; ++i) {
      const double luck = rng.unit();
      for (std::size_t k = 0; k < rates.size(); ++k) task.harms[k] += luck < rates[k] ? 1 : 0;
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
