#include "learn/branch.h"

#include <algorithm>
#include <cmath>

namespace citer {

namespace {

struct Means {
  double reward = 0.0;
  double cost = 0.0;
};

Means means(const std::vector<Branch>& branches, double cost_weight) {
  Means sum;
  for (const Branch& branch : branches) {
    sum.reward += reward(branch, cost_weight);
    sum.cost += branch.cost;
  }
  const auto n = static_cast<double>(branches.size());
  return {sum.reward / n, sum.cost / n};
}

}  // namespace

double reward(const Branch& branch, double cost_weight) {
  return branch.value - cost_weight * branch.cost;
}

double branch_cost(const Counters& continuation, bool llm_first, std::size_t length) {
  const auto first = llm_first ? 1.0 : 0.0;
  const auto passes = static_cast<double>(continuation.llm_passes) + first;
  const auto positions = static_cast<double>(continuation.llm_positions) + first;
  return 0.5 * (passes + positions) / static_cast<double>(std::max<std::size_t>(length, 1));
}

double preference(const std::vector<Branch>& slm, const std::vector<Branch>& llm,
                  double cost_weight) {
  const Means a = means(slm, cost_weight);
  const Means b = means(llm, cost_weight);
  const double lead = a.reward - b.reward;
  if (std::abs(lead) < 1e-9) return a.cost <= b.cost ? 1.0 : 0.0;
  if (slm.size() == 1 && llm.size() == 1) return lead > 0 ? 1.0 : 0.0;
  return 1.0 / (1.0 + std::exp(-lead / kRewardScale));
}

double mean_value(const std::vector<Branch>& branches) {
  double sum = 0.0;
  for (const Branch& branch : branches) sum += branch.value;
  return sum / static_cast<double>(branches.size());
}

PositionKind position_kind(Token slm, Token llm, Token reference) {
  if (slm == reference) return PositionKind::kSlmOk;
  return llm == reference ? PositionKind::kLlmOk : PositionKind::kBothOff;
}

bool needs_rollout(LabelRule rule, PositionKind kind, Token slm, Token llm) {
  if (rule == LabelRule::kTeacher) return false;
  if (slm == llm) return rule == LabelRule::kPaper && kind == PositionKind::kBothOff;
  return rule == LabelRule::kOutcome || kind == PositionKind::kBothOff;
}

}  // namespace citer
