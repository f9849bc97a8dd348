#pragma once

#include <cstdint>
#include <vector>

#include "citer/types.h"
#include "learn/preferences.h"

namespace citer {

/// One continuation from a position, judged.
struct Branch {
  bool right = false;  ///< its final answer
  /// What its continuation took of the LLM, in units of the LLM writing it alone: half the passes
  /// and half the positions, each per token.
  double cost = 0.0;
};

/// [final answer right] - cost_weight x cost.
double reward(const Branch& branch, double cost_weight);

/// Half the LLM's passes and half its positions per token, the branch's own token included.
/// `llm_first`: the LLM wrote that token.
double branch_cost(const Counters& continuation, bool llm_first);

/// Probability that the SLM is preferred.
///
/// One rollout a branch: 1 or 0 by the larger mean reward; on ties the cheaper branch, and the SLM
/// if that is equal too. Several: Bradley-Terry on the mean rewards, 1 / (1 + exp(-(slm - llm) /
/// kRewardScale)), ties as before.
double preference(const std::vector<Branch>& slm, const std::vector<Branch>& llm,
                  double cost_weight);

/// Share of branches with the right answer.
double share_of_right(const std::vector<Branch>& branches);

/// Reward difference at which a soft preference has the odds e to 1.
inline constexpr double kRewardScale = 0.1;

/// What a position is by the tokens of both models and of the reference.
PositionKind position_kind(Token slm, Token llm, Token reference);

/// Whether a position's label needs rollouts under this rule.
bool needs_rollout(LabelRule rule, PositionKind kind, Token slm, Token llm);

}  // namespace citer
