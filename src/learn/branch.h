#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "citer/types.h"
#include "learn/preferences.h"

namespace citer {

/// What follows a token, as it was written.
struct Continuation {
  std::string text;       ///< the whole answer's, without its thinking
  bool is_whole = false;  ///< it came to its end, and not to the limit of its length
  /// What it took of the LLM, in units of the LLM writing the rest of the text that it starts from.
  double cost = 0.0;
};

/// A continuation, judged.
struct Branch {
  double value = 0.0;  ///< of its outcome, in [0, 1]: 1 for a right answer
  double cost = 0.0;   ///< Continuation::cost
};

/// Value - cost_weight x cost.
double reward(const Branch& branch, double cost_weight);

/// Half the LLM's passes and half its positions, the branch's own token included, per token of the
/// `length` that the text has from there on: what goes on for longer is no cheaper for it.
/// `llm_first`: the LLM wrote that token.
double branch_cost(const Counters& continuation, bool llm_first, std::size_t length);

/// Probability that the SLM is preferred.
///
/// One rollout a branch: 1 or 0 by the larger mean reward; on ties the cheaper branch, and the SLM
/// if that is equal too. Several: Bradley-Terry on the mean rewards, 1 / (1 + exp(-(slm - llm) /
/// kRewardScale)), ties as before.
double preference(const std::vector<Branch>& slm, const std::vector<Branch>& llm,
                  double cost_weight);

/// Mean of their values.
double mean_value(const std::vector<Branch>& branches);

/// Reward difference at which a soft preference has the odds e to 1.
inline constexpr double kRewardScale = 0.1;

/// What a position is by the tokens of both models and of the reference.
PositionKind position_kind(Token slm, Token llm, Token reference);

/// Whether a position's label needs rollouts under this rule.
bool needs_rollout(LabelRule rule, PositionKind kind, Token slm, Token llm);

}  // namespace citer
