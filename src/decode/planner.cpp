#include "decode/planner.h"

#include <algorithm>

namespace citer {

namespace {

/// Weight that an observation keeps when the next one comes.
constexpr double kDecay = 0.99;
/// Longer catch-ups are prefills.
constexpr int kLongestCatchUp = 64;
/// Seconds that reading a prompt may hold up other sequences.
constexpr double kHoldUp = 0.2;

}  // namespace

std::size_t SpeculationPlanner::band(float score) {
  return std::min(kBands - 1, static_cast<std::size_t>(score * static_cast<float>(kBands)));
}

int SpeculationPlanner::chunk(double token_seconds, std::size_t running) {
  constexpr double kLeast = 32.0;
  constexpr double kMost = 512.0;
  constexpr double kUnknown = 128.0;
  const double alone = running > 1 ? 1.0 : 4.0;
  const double tokens = token_seconds > 0 ? kHoldUp / token_seconds : kUnknown;
  return static_cast<int>(alone * std::clamp(tokens, kLeast, kMost));
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

void SpeculationPlanner::saw_decision(float score, bool accepted) {
  double& decided = decided_[band(score)];
  double& yes = accepted_[band(score)];
  decided = kDecay * decided + 1;
  yes = kDecay * yes + (accepted ? 1 : 0);
}

double SpeculationPlanner::acceptance(float score) const {
  // One accepted and one rejected token beforehand.
  return (accepted_[band(score)] + 1) / (decided_[band(score)] + 2);
}

double SpeculationPlanner::gap() const { return std::max(1.0, drafts_ / pending_); }

bool SpeculationPlanner::should_ask(std::span<const float> pending_scores) const {
  if (!llm_.is_known() || pending_ <= 0) return true;
  double settled = 1.0;
  double all_accepted = 1.0;
  for (std::size_t i = 0; i < pending_scores.size(); ++i) {
    all_accepted *= acceptance(pending_scores[i]);
    if (i + 1 < pending_scores.size()) settled += all_accepted;
  }
  const double per_draft = slm_.at(1) + llm_.per_token();
  const double fixed = llm_.fixed() / llm_sequences_;
  const auto rate = [&](double pending, double expected) {
    return expected * gap() / (pending * gap() * per_draft + fixed);
  };
  const auto held = static_cast<double>(pending_scores.size());
  return rate(held, settled) >= rate(held + 1, settled + all_accepted);
}

bool SpeculationPlanner::should_wait(int waiting, int moving) const {
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
