#include "decode/planner.h"

#include <algorithm>

namespace citer {

namespace {

/// Weight that an observation keeps when the next one comes: the last hundred or so count.
constexpr double kDecay = 0.99;
/// LLM passes before the line through them is trusted.
constexpr std::int64_t kEnough = 16;
/// Longer passes are prefills, which run at another speed.
constexpr int kLongestPass = 64;

}  // namespace

std::size_t SpeculationPlanner::band(float score) {
  return std::min(kBands - 1, static_cast<std::size_t>(score * static_cast<float>(kBands)));
}

void SpeculationPlanner::saw_slm_step(int sequences, double seconds) {
  const double each = seconds / sequences;
  slm_seconds_ = slm_seconds_ == 0.0 ? each : kDecay * slm_seconds_ + (1 - kDecay) * each;
}

void SpeculationPlanner::saw_llm_pass(int sequences, int positions, double seconds) {
  if (positions > kLongestPass * sequences) return;
  const double n = static_cast<double>(positions) / sequences;
  const double t = seconds / sequences;
  w_ = kDecay * w_ + 1;
  n_ = kDecay * n_ + n;
  nn_ = kDecay * nn_ + n * n;
  t_ = kDecay * t_ + t;
  nt_ = kDecay * nt_ + n * t;
  ++passes_;
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

bool SpeculationPlanner::should_ask(std::span<const float> pending_scores) const {
  if (passes_ < kEnough || pending_ <= 0) return true;
  const double variance = nn_ / w_ - n_ / w_ * n_ / w_;
  const double slope =
      variance > 1e-9 ? std::max(0.0, (nt_ / w_ - n_ / w_ * t_ / w_) / variance) : 0.0;
  const double fixed = std::max(0.0, t_ / w_ - slope * n_ / w_);
  const double gap = std::max(1.0, drafts_ / pending_);

  double settled = 1.0;
  double all_accepted = 1.0;
  for (std::size_t i = 0; i < pending_scores.size(); ++i) {
    all_accepted *= acceptance(pending_scores[i]);
    if (i + 1 < pending_scores.size()) settled += all_accepted;
  }
  const auto rate = [&](double pending, double expected) {
    return expected * gap / (pending * gap * (slm_seconds_ + slope) + fixed);
  };
  const auto held = static_cast<double>(pending_scores.size());
  return rate(held, settled) >= rate(held + 1, settled + all_accepted);
}

}  // namespace citer
