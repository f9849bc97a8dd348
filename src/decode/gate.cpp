#include "decode/gate.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace citer {

namespace {

constexpr double kPercentile = 0.95;
constexpr int kMostSteps = 64;

/// A time between two tokens of a sequence, and how many tokens of a cycle come after it.
struct Gap {
  double seconds;
  double tokens;
};

/// Cycles of growing length over the same sequences.
class Cycles {
 public:
  Cycles(const Together& together, const PassTimes& slm, const PassTimes& llm)
      : together_(together), slm_(slm), llm_(llm), moving_{static_cast<double>(together.routed)} {}

  /// One step more. False where hardly anybody is left to draft for.
  bool grow() {
    if (moving_.back() < 1 || steps() >= kMostSteps) return false;
    steps_.push_back(slm_.at(moving_.back()));
    elapsed_.push_back(elapsed_.back() + steps_.back());
    moving_.push_back(moving_.back() * (1 - together_.share));
    drafted_ += moving_.back();
    return true;
  }

  Cycle cycle() const {
    Cycle cycle;
    cycle.steps = steps();
    cycle.gathered = waiting() / pass_probability() + together_.by_llm;
    cycle.longest = elapsed_.back() + 2 * pass();
    const double seconds = elapsed_.back() + pass_probability() * pass();
    cycle.tokens_per_second = seconds > 0 ? tokens() / seconds : 0.0;
    return cycle;
  }

  /// Of the time between tokens.
  double percentile() const {
    std::vector<Gap> sorted = gaps();
    std::sort(sorted.begin(), sorted.end(),
              [](const Gap& a, const Gap& b) { return a.seconds < b.seconds; });
    double left = kPercentile * tokens();
    for (const Gap& gap : sorted) {
      left -= gap.tokens;
      if (left <= 0) return gap.seconds;
    }
    return sorted.back().seconds;
  }

 private:
  int steps() const { return static_cast<int>(steps_.size()); }
  double waiting() const { return moving_.front() - moving_.back(); }
  double gathered() const { return waiting() + together_.by_llm; }
  double tokens() const { return drafted_ + gathered(); }
  /// That somebody waits after the last step.
  double pass_probability() const {
    if (together_.by_llm > 0) return 1.0;
    return 1 - std::pow(1 - together_.share, moving_.front() * steps());
  }
  double pass() const {
    const double routed = waiting() / pass_probability();
    return llm_.at(routed * std::max(1.0, together_.catch_up) + together_.by_llm);
  }

  std::vector<Gap> gaps() const {
    const double pass_seconds = pass();
    const double all = elapsed_.back() + pass_seconds;
    // Who did not wait for the pass comes to the next cycle's first step with its time behind.
    const double held_up = pass_probability() * moving_.back() / moving_.front();
    std::vector<Gap> gaps = {{all, static_cast<double>(together_.by_llm)}};
    for (std::size_t j = 0; j < steps_.size(); ++j) {
      const double to_pass = all - elapsed_[j];
      const double stand = moving_[j + 1];
      const double wait = moving_[j] - stand;
      const double late = j == 0 ? held_up : 0.0;
      gaps.push_back({steps_[j], stand * (1 - late)});
      gaps.push_back({steps_[j] + pass_seconds, stand * late});
      gaps.push_back({to_pass, wait * (1 - late)});
      gaps.push_back({to_pass + pass_seconds, wait * late});
    }
    return gaps;
  }

  const Together& together_;
  const PassTimes& slm_;
  const PassTimes& llm_;
  std::vector<double> moving_;  ///< before the first step, after each
  std::vector<double> steps_;   ///< seconds of each
  std::vector<double> elapsed_{0.0};
  double drafted_ = 0.0;  ///< tokens of the SLM's that stand
};

}  // namespace

Cycle best_cycle(const Together& together, const PassTimes& slm, const PassTimes& llm,
                 bool bounded) {
  // Times are estimates, and what waits is delayed.
  constexpr double kAboutAsFast = 0.98;
  constexpr double kAboutAsLate = 1.02;
  struct Choice {
    Cycle cycle;
    double percentile;
  };
  std::vector<Choice> choices;
  Cycles cycles(together, slm, llm);
  while (cycles.grow()) {
    const Choice choice{cycles.cycle(), bounded ? cycles.percentile() : 0.0};
    const double rate = choice.cycle.tokens_per_second;
    if (choices.empty() || rate >= choices.front().cycle.tokens_per_second) {
      choices.push_back(choice);
    }
  }
  if (choices.empty()) return cycles.cycle();  // the LLM writes all
  double bound = bounded ? kMostBesideLlm * llm.at(together.all()) : 0.0;
  const auto least = std::min_element(
      choices.begin(), choices.end(),
      [](const Choice& a, const Choice& b) { return a.percentile < b.percentile; });
  bound = std::max(bound, kAboutAsLate * least->percentile);
  std::erase_if(choices, [&](const Choice& choice) { return choice.percentile > bound; });
  const auto fastest =
      std::max_element(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) {
        return a.cycle.tokens_per_second < b.cycle.tokens_per_second;
      });
  const double enough = kAboutAsFast * fastest->cycle.tokens_per_second;
  return std::find_if(
             choices.begin(), choices.end(),
             [&](const Choice& choice) { return choice.cycle.tokens_per_second >= enough; })
      ->cycle;
}

}  // namespace citer
