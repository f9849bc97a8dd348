#include "decode/planner.h"

#include <algorithm>
#include <cmath>

namespace citer {

namespace {

/// Weight that an observation keeps when the next one comes.
constexpr double kDecay = 0.99;
/// Longer catch-ups are prefills.
constexpr int kLongestCatchUp = 64;
/// Seconds that reading by one may hold up other sequences.
constexpr double kHoldUp = 0.2;

std::size_t band_of(const Guesses& guesses) {
  // Two units of the logit each: of a good router's scores most are near 0 and near 1.
  constexpr float kHalf = static_cast<float>(kGuessBands) / 4;
  constexpr float kLeast = 1e-6F;
  const auto logit =
      static_cast<float>(std::log((guesses.score + kLeast) / (1 - guesses.score + kLeast)));
  const float of_score = std::clamp(logit / 2 + kHalf, 0.0F, 2 * kHalf - 1);
  const bool leads = guesses.lead > 1.0F;
  return 2 * static_cast<std::size_t>(of_score) + (leads ? 1 : 0);
}

}  // namespace

Token GuessTable::best(const Guesses& guesses) const {
  return runner_up[band_of(guesses)] ? guesses.runner_up : guesses.slm;
}

int SpeculationPlanner::chunk(const PassTimes& times, std::size_t running) {
  constexpr double kMost = 512.0;
  constexpr double kUnknown = 64.0;
  const double tokens = times.tokens_in(running > 1 ? kHoldUp : 4 * kHoldUp);
  const double tiles = std::ceil((tokens > 0 ? std::min(tokens, kMost) : kUnknown) / kTile);
  return static_cast<int>(tiles * kTile);
}

void SpeculationPlanner::saw_llm_pass(int sequences, int positions, double seconds) {
  llm_.saw(positions, seconds);
  if (positions > kLongestCatchUp * sequences) return;
  const double each = static_cast<double>(positions) / sequences;
  llm_sequences_ = kDecay * llm_sequences_ + (1 - kDecay) * sequences;
  llm_catch_up_ = kDecay * llm_catch_up_ + (1 - kDecay) * each;
}

void SpeculationPlanner::saw_draft(bool pending) {
  drafts_ = kDecay * drafts_ + 1;
  pending_ = kDecay * pending_ + (pending ? 1 : 0);
}

void SpeculationPlanner::saw_decision(const Guesses& guesses, Token decision) {
  Band& seen = bands_[band_of(guesses)];
  seen.decided = kDecay * seen.decided + 1;
  seen.slm = kDecay * seen.slm + (decision == guesses.slm ? 1 : 0);
  seen.runner_up = kDecay * seen.runner_up + (decision == guesses.runner_up ? 1 : 0);
}

GuessTable SpeculationPlanner::guess_table() const {
  GuessTable table;
  std::transform(bands_.begin(), bands_.end(), table.runner_up.begin(),
                 [](const Band& seen) { return seen.runner_up > seen.slm; });
  return table;
}

double SpeculationPlanner::acceptance(const Guesses& guesses) const {
  const Band& seen = bands_[band_of(guesses)];
  // One right and one wrong guess beforehand.
  return (std::max(seen.slm, seen.runner_up) + 1) / (seen.decided + 2);
}

double SpeculationPlanner::gap() const { return std::max(1.0, drafts_ / pending_); }

bool SpeculationPlanner::should_verify(std::span<const Guesses> pending) const {
  if (!llm_.is_known() || pending_ <= 0) return true;
  double settled = 1.0;
  double all_accepted = 1.0;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    all_accepted *= acceptance(pending[i]);
    if (i + 1 < pending.size()) settled += all_accepted;
  }
  const double per_draft = slm_.at(1) + llm_.per_token();
  const double fixed = llm_.fixed() / llm_sequences_;
  const auto rate = [&](double n, double expected) {
    return expected * gap() / (n * gap() * per_draft + fixed);
  };
  const auto held = static_cast<double>(pending.size());
  return rate(held, settled) >= rate(held + 1, settled + all_accepted);
}

bool SpeculationPlanner::gate_holds(int waiting, int moving) const {
  if (moving == 0 || !llm_.is_known() || !slm_.is_known() || pending_ <= 0) return false;
  const double n = waiting + moving;
  const auto rate = [&](double gathered) {
    const double writing = n - gathered / 2;
    const double drafted = gathered * gap();
    return drafted / (drafted / writing * slm_.at(writing) +
                      llm_.at(gathered * std::max(1.0, llm_catch_up_)));
  };
  // Worth it only if clearly better: the times are estimates, and waiting delays somebody's token.
  constexpr double kClearly = 1.05;
  const double now = rate(waiting) * kClearly;
  for (int more = waiting + 1; more <= waiting + moving; ++more) {
    if (rate(more) > now) return true;
  }
  return false;
}

}  // namespace citer
