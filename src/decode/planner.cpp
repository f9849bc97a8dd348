#include "decode/planner.h"

#include <algorithm>
#include <cmath>

namespace citer {

namespace {

/// Longer catch-ups are prefills.
constexpr int kLongestCatchUp = 64;
/// Of drafts that are pending: some will be.
constexpr double kLeastShare = 1e-3;

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

/// Seconds that a pass that reads may hold up others.
double SpeculationPlanner::hold_up(std::size_t running) const {
  constexpr double kAlone = 0.8;
  constexpr double kUnknown = 0.2;
  if (running <= 1) return kAlone;
  if (max_wait_) return *max_wait_ / 2;
  if (!llm_.is_known()) return kUnknown;
  return kMostBesideLlm * llm_.at(static_cast<double>(running)) / 2;
}

int SpeculationPlanner::chunk(const PassTimes& times, std::size_t running) const {
  constexpr int kMost = 512;
  constexpr int kUnknown = 64;
  if (times.passes() == 0) return kUnknown;
  constexpr int kStep = static_cast<int>(kTile);
  const double allowed = hold_up(running);
  const double half_speed = 2 * times.at(kMost) / kMost;
  int best = kStep;
  for (int n = kStep; n <= kMost; n += kStep) {
    const double seconds = times.at(n);
    const bool is_slow = !max_wait_ && seconds > half_speed * n;
    if (seconds <= allowed || is_slow) best = n;
  }
  return best;
}

void SpeculationPlanner::scale_slm(double factor) {
  slm_.scale(factor);
  slm_prefill_.scale(factor);
}

void SpeculationPlanner::saw_slm_step(int sequences, double seconds) {
  slm_.saw(sequences, seconds);
  slm_sequences_.saw(sequences);
}

void SpeculationPlanner::saw_llm_pass(int sequences, int positions, int decisions, double seconds) {
  llm_.saw(positions, seconds);
  const bool is_short = positions < 2 * sequences;
  constexpr int kRarely = 128;
  if (is_short && since_short_ >= next_short_) next_short_ = std::min(kRarely, 2 * next_short_);
  since_short_ = is_short ? 0 : since_short_ + 1;
  if (decisions == 0 || positions > kLongestCatchUp * sequences) return;
  llm_sequences_.saw(sequences);
  llm_catch_up_.saw(static_cast<double>(positions) / sequences);
  llm_decisions_.saw(static_cast<double>(decisions) / sequences);
}

void SpeculationPlanner::saw_draft(bool pending) { pending_.saw(pending ? 1.0 : 0.0); }

void SpeculationPlanner::saw_decision(const Guesses& guesses, Token decision) {
  Band& seen = bands_[band_of(guesses)];
  seen.slm.saw(decision == guesses.slm ? 1.0 : 0.0);
  seen.runner_up.saw(decision == guesses.runner_up ? 1.0 : 0.0);
}

GuessTable SpeculationPlanner::guess_table() const {
  GuessTable table;
  std::transform(bands_.begin(), bands_.end(), table.runner_up.begin(),
                 [](const Band& seen) { return seen.runner_up.sum() > seen.slm.sum(); });
  return table;
}

double SpeculationPlanner::acceptance(const Guesses& guesses) const {
  const Band& seen = bands_[band_of(guesses)];
  // One right and one wrong guess beforehand.
  return (std::max(seen.slm.sum(), seen.runner_up.sum()) + 1) / (seen.slm.weight() + 2);
}

double SpeculationPlanner::gap() const { return 1 / std::max(kLeastShare, pending_.value_or(1.0)); }

Together SpeculationPlanner::together(int routed, int by_llm) const {
  const double decided_at_once = std::max(1.0, llm_decisions_.value_or(1.0));
  const double share = pending_.value_or(1.0) / decided_at_once;
  return {routed, by_llm, std::clamp(share, kLeastShare, 1.0), llm_catch_up_.value_or(1.0)};
}

const Cycle& SpeculationPlanner::cycle(int routed, int by_llm) {
  constexpr int kOften = 16;
  if (found_.routed != routed || found_.by_llm != by_llm || ++found_.questions >= kOften) {
    found_ = {routed, by_llm, 0, best_cycle(together(routed, by_llm), slm_, llm_, !max_wait_)};
  }
  return found_.cycle;
}

bool SpeculationPlanner::should_verify(std::span<const Guesses> pending) const {
  if (!llm_.is_known() || pending_.sum() <= 0) return true;
  // Times need not rise with the size of a pass, so more than the next step is looked at.
  constexpr std::size_t kAhead = 8;
  const double sequences = llm_sequences_.value_or(1.0);
  const double drafting = slm_sequences_.value_or(1.0);
  const auto rate = [&](std::size_t n, double settled) {
    const double drafted = static_cast<double>(n) * gap();
    return settled * gap() /
           (drafted * slm_.at(drafting) / drafting + llm_.at(drafted * sequences) / sequences);
  };
  double settled = 1.0;
  double all_accepted = 1.0;
  double now = 0.0;
  for (std::size_t n = 1; n <= pending.size() + kAhead; ++n) {
    if (n >= pending.size()) {
      const double with_n = rate(n, settled);
      if (n == pending.size()) now = with_n;
      if (with_n > now) return false;
    }
    all_accepted *= acceptance(pending[std::min(n, pending.size()) - 1]);
    settled += all_accepted;
  }
  return true;
}

bool SpeculationPlanner::knows_speeds() const {
  constexpr double kEnoughDrafts = 50.0;
  return slm_.is_known() && llm_.is_known() && pending_.weight() >= kEnoughDrafts;
}

double SpeculationPlanner::routed_speed(int sequences) const {
  const Cycle best = best_cycle(together(sequences, 0), slm_, llm_, !max_wait_);
  return best.tokens_per_second / sequences;
}

double SpeculationPlanner::llm_speed(int sequences) const { return 1 / llm_.at(sequences); }

double SpeculationPlanner::speculative_speed() const {
  // Of the guesses at single tokens, which a policy scores 0; seven of ten right beforehand.
  double right = 7.0;
  double decided = 10.0;
  for (const float lead : {0.0F, 2.0F}) {
    const Band& seen = bands_[band_of({.score = 0.0F, .lead = lead})];
    right += seen.slm.sum();
    decided += seen.slm.weight();
  }
  constexpr int kMost = 8;
  double best = 0.0;
  double settled = 0.0;
  double all_accepted = 1.0;
  for (int n = 1; n <= kMost; ++n) {
    settled += all_accepted;
    all_accepted *= right / decided;
    best = std::max(best, settled / (n * slm_.at(1) + llm_.at(n)));
  }
  return best;
}

bool SpeculationPlanner::gate_holds(const Waiting& who) {
  const Together all = together(who.routed, who.by_llm);
  const int moving = all.all() - who.waiting;
  if (moving == 0 || !llm_.is_known() || !slm_.is_known()) return false;
  const Cycle& best = cycle(who.routed, who.by_llm);
  if (who.waiting >= std::lround(best.gathered)) return false;
  // One step more, and a pass that reads for those, too, who come to wait by then.
  constexpr double kLonger = 1.5;
  const double joining = moving * all.share * std::max(1.0, all.catch_up);
  const double soonest =
      who.longest + slm_.at(moving) + llm_.at(static_cast<double>(who.unread) + joining);
  return soonest <= max_wait_.value_or(kLonger * best.longest);
}

}  // namespace citer
