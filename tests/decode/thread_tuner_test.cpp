#include <gtest/gtest.h>

#include "decode/pass_times.h"
#include "decode/thread_tuner.h"

namespace citer {
namespace {

/// A model whose passes' seconds depend on the number of threads, on a machine that changes.
class Passes {
 public:
  explicit Passes(int most) : tuner_(most) {}

  /// Seconds that so many passes took beside as many with the best number of threads.
  template <typename Seconds>
  double run(int passes, const Seconds& seconds, double best) {
    double sum = 0.0;
    for (int i = 0; i < passes; ++i) {
      const double took = seconds(tuner_.threads());
      sum += took;
      const auto verdict = tuner_.saw(took, times_.is_known() ? times_.at(1) : 0.0);
      if (!verdict.counts) continue;
      times_.scale(verdict.scale);
      times_.saw(1, took);
    }
    return sum / (passes * best);
  }

  int threads() const { return tuner_.threads(); }

 private:
  ThreadTuner tuner_;
  PassTimes times_;
};

double quiet(int threads) { return 8.0 / threads; }
/// One core of four is taken: threads wait for the one that shares it.
double busy(int threads) { return threads == 4 ? 9.0 : 8.0 / threads; }

TEST(ThreadTuner, KeepsAllThreadsOnAQuietMachineAtLittleCost) {
  Passes passes(4);
  EXPECT_LT(passes.run(2000, quiet, 2.0), 1.02);
  EXPECT_EQ(passes.threads(), 4);
}

TEST(ThreadTuner, TakesFewerWhileAnotherProgramRunsAndAllAgainAfterwards) {
  Passes passes(4);
  passes.run(500, quiet, 2.0);
  EXPECT_LT(passes.run(40, busy, 4.0), 1.3) << "soon";
  EXPECT_LT(passes.run(1000, busy, 4.0), 1.05);
  EXPECT_EQ(passes.threads(), 2);
  passes.run(600, quiet, 2.0);
  EXPECT_LT(passes.run(1000, quiet, 2.0), 1.05);
  EXPECT_EQ(passes.threads(), 4);
}

TEST(ThreadTuner, FindsOneThreadFromTheStart) {
  Passes passes(2);
  const auto spinning = [](int threads) { return threads == 2 ? 6.4 : 3.7; };
  passes.run(40, spinning, 3.7);
  EXPECT_EQ(passes.threads(), 1);
  EXPECT_LT(passes.run(1000, spinning, 3.7), 1.03);
}

TEST(ThreadTuner, AStalledPassChangesNothing) {
  Passes passes(2);
  int pass = 0;
  EXPECT_LT(passes.run(
                1000, [&](int threads) { return 8.0 / threads * (++pass % 50 == 0 ? 10 : 1); },
                4.0 * (1 + 9.0 / 50)),
            1.05);
  EXPECT_EQ(passes.threads(), 2);
}

TEST(ThreadTuner, LeavesAGivenNumberAlone) {
  ThreadTuner fixed(0);
  ThreadTuner one(1);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(fixed.saw(i % 2 == 0 ? 1.0 : 9.0, 1.0).counts);
    EXPECT_TRUE(one.saw(i % 2 == 0 ? 1.0 : 9.0, 1.0).counts);
    ASSERT_EQ(fixed.threads(), 0);
    ASSERT_EQ(one.threads(), 1);
  }
}

}  // namespace
}  // namespace citer
