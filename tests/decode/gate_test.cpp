// The gate over simulated passes: a clock that adds up pass times, sequences each of whose tokens
// is critical with the same probability, and no model. Prints the table of docs/benchmarks.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "decode/planner.h"

namespace citer {
namespace {

/// Seconds of passes by the tokens they read.
struct Machine {
  std::function<double(int)> slm;
  std::function<double(int)> llm;
};

/// Passes that take as long whatever they read; the LLM's so many times as long.
Machine flat(double ratio) {
  return {[](int) { return 1.0; }, [=](int) { return ratio; }};
}

/// Linear between measured times.
double between(const std::vector<std::pair<int, double>>& known, int n) {
  const auto above = std::find_if(known.begin() + 1, known.end() - 1,
                                  [&](const auto& point) { return point.first >= n; });
  const auto [x0, t0] = *(above - 1);
  const auto [x1, t1] = *above;
  return t0 + (t1 - t0) * (n - x0) / (x1 - x0);
}

/// 135M Q8_0 beside 1.7B Q4_0 on two cores, milliseconds (docs/benchmarks.md).
Machine two_cores() {
  return {[](int n) {
            return between({{1, 5.7}, {2, 8}, {4, 12}, {8, 20}, {64, 140}}, n);
          },
          [](int n) {
            return between(
                {{1, 24}, {2, 41}, {3, 57}, {4, 40}, {8, 70}, {16, 108}, {64, 440}, {512, 3700}},
                n);
          }};
}

struct Scene {
  int sequences;
  double share;
  int by_llm = 0;  ///< of the sequences
};

/// What is known when the gate is asked.
using Holds = std::function<bool(const Waiting&)>;

struct Speed {
  double tokens_per_second = 0.0;
  double percentile = 0.0;  ///< 95th, of the time between tokens
};

class Replay {
 public:
  Replay(Machine machine, const Scene& scene) : machine_(std::move(machine)), scene_(scene) {}

  SpeculationPlanner& planner() { return planner_; }

  Speed run(const Holds& holds) {
    constexpr std::size_t kTokens = 300;
    const auto n = static_cast<std::size_t>(scene_.sequences);
    sequences_.assign(n, {});
    for (int i = 0; i < scene_.by_llm; ++i) sequences_[static_cast<std::size_t>(i)].by_llm = true;
    while (gaps_.size() < kTokens * n / 4) step(holds);  // learns what passes take
    gaps_.clear();
    const double start = now_;
    while (gaps_.size() < kTokens * n) step(holds);
    std::sort(gaps_.begin(), gaps_.end());
    return {static_cast<double>(gaps_.size()) / (now_ - start), gaps_[gaps_.size() * 95 / 100]};
  }

 private:
  struct Writing {
    bool by_llm = false;
    bool waits = false;
    double last_token = 0.0;
    int unread = 1;  ///< by the LLM
  };

  void step(const Holds& holds) {
    draft();
    Waiting who;
    who.routed = scene_.sequences - scene_.by_llm;
    who.by_llm = scene_.by_llm;
    for (const Writing& s : sequences_) {
      if (!s.waits) continue;
      ++who.waiting;
      who.longest = std::max(who.longest, now_ - s.last_token);
      who.unread += s.unread;
    }
    if (who.waiting > 0 && (who.waiting == scene_.sequences || !holds(who))) verify(who);
  }

  void draft() {
    for (Writing& s : sequences_) s.waits = s.waits || s.by_llm;
    const auto moving = static_cast<int>(std::count_if(sequences_.begin(), sequences_.end(),
                                                       [](const Writing& s) { return !s.waits; }));
    if (moving == 0) return;
    const double seconds = machine_.slm(moving);
    now_ += seconds;
    planner_.saw_slm_step(moving, seconds);
    for (Writing& s : sequences_) {
      if (s.waits) continue;
      s.waits = rng_.unit() < scene_.share;
      planner_.saw_draft(s.waits);
      if (!s.waits) wrote(s);
    }
  }

  void verify(const Waiting& who) {
    if (planner_.wants_short_pass() && who.unread > who.waiting) {
      pass(who.waiting, static_cast<int>(who.unread) - who.waiting, 0);
      pass(who.waiting, who.waiting, who.waiting);
    } else {
      pass(who.waiting, static_cast<int>(who.unread), who.waiting);
    }
    for (Writing& s : sequences_) {
      if (!s.waits) continue;
      s.waits = false;
      s.unread = 0;
      wrote(s);
    }
  }

  void pass(int sequences, int positions, int decisions) {
    const double seconds = machine_.llm(positions);
    now_ += seconds;
    planner_.saw_llm_pass(sequences, positions, decisions, seconds);
  }

  void wrote(Writing& s) {
    gaps_.push_back(now_ - s.last_token);
    s.last_token = now_;
    ++s.unread;
  }

  Machine machine_;
  Scene scene_;
  Rng rng_{7};
  SpeculationPlanner planner_;
  std::vector<Writing> sequences_;
  std::vector<double> gaps_;
  double now_ = 0.0;
};

Speed without_gate(const Machine& machine, const Scene& scene) {
  return Replay(machine, scene).run([](const Waiting&) { return false; });
}

/// The fastest of the gates that wait for a fixed share of the sequences.
Speed best_fixed_gate(const Machine& machine, const Scene& scene) {
  Speed best;
  for (int percent = 0; percent <= 100; percent += 5) {
    const double least = percent * scene.sequences / 100.0;
    const Speed speed =
        Replay(machine, scene).run([&](const Waiting& who) { return who.waiting < least; });
    if (speed.tokens_per_second > best.tokens_per_second) best = speed;
  }
  return best;
}

Speed with_gate(const Machine& machine, const Scene& scene, std::optional<double> max_wait) {
  Replay replay(machine, scene);
  replay.planner().set_max_wait(max_wait);
  return replay.run([&](const Waiting& who) { return replay.planner().gate_holds(who); });
}

void replay(const char* name, const Machine& machine, const Scene& scene) {
  const double llm_alone = scene.sequences / machine.llm(scene.sequences);
  const double llm_gap = machine.llm(scene.sequences);
  const Speed ungated = without_gate(machine, scene);
  const Speed best = best_fixed_gate(machine, scene);
  const Speed unbounded = with_gate(machine, scene, std::numeric_limits<double>::infinity());
  const Speed bounded = with_gate(machine, scene, {});
  const auto beside = [&](const Speed& speed) { return speed.tokens_per_second / llm_alone; };
  std::printf("| %s | %d | %.2f | %.2f (%.2f) | %.2f (%.2f) | %.2f (%.2f) | %.2f (%.2f) |\n", name,
              scene.sequences, scene.share, beside(ungated), ungated.percentile / llm_gap,
              beside(best), best.percentile / llm_gap, beside(unbounded),
              unbounded.percentile / llm_gap, beside(bounded), bounded.percentile / llm_gap);
  EXPECT_GE(unbounded.tokens_per_second, 0.85 * best.tokens_per_second);
  EXPECT_GE(bounded.tokens_per_second, 0.98 * ungated.tokens_per_second);
  // Times between tokens come in whole steps.
  EXPECT_LE(bounded.percentile,
            1.15 * std::max(kMostBesideLlm * llm_gap, ungated.percentile) + machine.slm(1));
}

TEST(Gate, WritesNearlyAsFastAsTheBestFixedGateAndKeepsItsBound) {
  std::printf(
      "| LLM pass | sequences | share | no gate | best fixed gate | gate, no bound | gate |\n");
  for (const int ratio : {3, 5, 10, 20}) {
    const Machine machine = flat(ratio);
    for (const int sequences : {8, 32, 64}) {
      for (const double share : {0.05, 0.1, 0.2}) {
        SCOPED_TRACE(std::to_string(ratio) + " x, " + std::to_string(sequences) +
                     " sequences, share " + std::to_string(share));
        replay((std::to_string(ratio) + " x").c_str(), machine, {sequences, share});
      }
    }
  }
}

TEST(Gate, DoesSoWhereTimesDoNotRiseWithSize) {
  const Machine machine = two_cores();
  for (const int sequences : {2, 4, 8, 16}) {
    for (const double share : {0.05, 0.1, 0.2}) {
      SCOPED_TRACE(std::to_string(sequences) + " sequences, share " + std::to_string(share));
      replay("two cores", machine, {sequences, share});
    }
  }
}

TEST(Gate, NobodyWaitsLongerThanAsked) {
  const Machine machine = flat(10);
  for (const double most : {0.0, 15.0, 30.0}) {
    Replay replay(machine, {32, 0.1});
    replay.planner().set_max_wait(most);
    double longest = 0.0;
    bool held = false;
    replay.run([&](const Waiting& who) {
      const bool holds = replay.planner().gate_holds(who);
      held = held || holds;
      // What is held now waits for a step and a pass at least.
      if (holds) longest = std::max(longest, who.longest + 1.0 + 10.0);
      return holds;
    });
    EXPECT_LE(longest, most);
    EXPECT_EQ(held, most > 0);
  }
}

TEST(Gate, HoldsNobodyWhereNothingIsKnownOrNobodyFollows) {
  EXPECT_FALSE(SpeculationPlanner().gate_holds({.routed = 8, .waiting = 1}));
  Replay replay(flat(10), {8, 0.1});
  replay.run([](const Waiting&) { return false; });
  EXPECT_TRUE(replay.planner().gate_holds({.routed = 8, .waiting = 1}));
  EXPECT_FALSE(replay.planner().gate_holds({.routed = 8, .waiting = 8}));
  EXPECT_FALSE(replay.planner().gate_holds({.routed = 0, .by_llm = 8, .waiting = 8}));
}

TEST(Gate, DoesSoWhereTheLlmWritesSomeAlone) {
  for (const int by_llm : {1, 8, 31}) {
    SCOPED_TRACE(std::to_string(by_llm) + " by the LLM");
    replay("10 x, some by the LLM alone", flat(10), {32, 0.1, by_llm});
  }
}

TEST(PassTimes, KnowsTimesThatDoNotRiseWithSize) {
  PassTimes times;
  EXPECT_EQ(times.at(3), 0.0);
  for (int i = 0; i < 5; ++i) {
    for (const auto& [n, seconds] : {std::pair{1, 24.0}, {2, 41.0}, {3, 57.0}, {4, 40.0}}) {
      times.saw(n, seconds);
    }
  }
  EXPECT_DOUBLE_EQ(times.at(1), 24.0);
  EXPECT_DOUBLE_EQ(times.at(3), 57.0);
  EXPECT_DOUBLE_EQ(times.at(4), 40.0);
  EXPECT_DOUBLE_EQ(times.at(2.5), 49.0);
}

TEST(PassTimes, AStalledPassDoesNoHarm) {
  PassTimes times;
  times.saw(1, 9000.0);  // the first one reads the file
  times.saw(1, 24.0);
  EXPECT_DOUBLE_EQ(times.at(1), 24.0);
  for (int i = 0; i < 20; ++i) times.saw(1, i % 4 == 0 ? 5000.0 : 24.0);
  EXPECT_DOUBLE_EQ(times.at(1), 24.0);
}

TEST(PassTimes, FollowsAMachineThatHasBecomeSlower) {
  PassTimes times;
  for (int i = 0; i < 100; ++i) times.saw(1, 24.0);
  for (int i = 0; i < 4; ++i) times.saw(1, 60.0);
  EXPECT_DOUBLE_EQ(times.at(1), 60.0);
}

TEST(PassTimes, LiesBetweenNoGrowthAndGrowthWithTheSizeBeyondWhatWasSeen) {
  PassTimes times;
  times.saw(16, 10.0);
  EXPECT_DOUBLE_EQ(times.at(64), 20.0) << "the root, while one size is known";
  EXPECT_DOUBLE_EQ(times.at(4), 5.0);
  times.saw(32, 15.0);
  EXPECT_DOUBLE_EQ(times.at(64), 25.0) << "along the line";
  EXPECT_DOUBLE_EQ(times.at(4), 6.25);
  times.saw(64, 14.0);
  EXPECT_DOUBLE_EQ(times.at(128), 14.0 + 4.0 / 48 * 64);
  PassTimes falling;
  falling.saw(1, 20.0);
  falling.saw(8, 10.0);
  EXPECT_DOUBLE_EQ(falling.at(16), 10.0) << "no faster for more";
}

TEST(PassTimes, ALongPassesTokensAndAnotherNumberOfThreads) {
  PassTimes times;
  times.saw(1, 0.1);
  times.saw(200, 2.0);
  EXPECT_DOUBLE_EQ(times.long_token(), 0.01);
  times.scale(2.0);
  EXPECT_DOUBLE_EQ(times.at(1), 0.2);
  times.saw(1, 0.4);
  times.saw(1, 0.4);
  EXPECT_DOUBLE_EQ(times.at(1), 0.4);
}

}  // namespace
}  // namespace citer
