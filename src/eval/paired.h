#pragma once

#include <optional>
#include <vector>

#include "citer/evaluation.h"

namespace citer {

/// Two runs over the examples that both have, in the order of the first.
struct Paired {
  std::vector<bool> a;
  std::vector<bool> b;
  std::int64_t only_a = 0;  ///< right under a alone
  std::int64_t only_b = 0;
};

Paired pair_up(const RunSummary& a, const RunSummary& b);

/// Chooses, on each half of the examples (by a hash of their ids), the run with the least LLM share
/// whose accuracy is `part` of the LLM's, and measures it on the other half. Nothing when none has
/// it on one of the halves: there the LLM alone would be chosen.
std::optional<ChosenPoint> chosen_point(const std::vector<const RunSummary*>& runs,
                                        const RunSummary& llm, double part);

/// B's run to compare a run of A with: of the same data, policy and threshold, else of that data
/// and policy the one with the nearest LLM share; nullptr where B has none.
const RunSummary* counterpart(const RunSummary& run, const Summary& b);

}  // namespace citer
