#pragma once

#include <memory>
#include <vector>

#include "decode/step_plan.h"

namespace citer {

/// Applies what a step found out: the one place where tokens join answers and counters change.
/// Needs no model and cannot fail. `totals` counts a pass that several answers shared once. What an
/// outcome says of answers that have finished meanwhile is dropped.
void commit(StepOutcome outcome, const std::vector<std::unique_ptr<Sequence>>& sequences,
            Counters& totals) noexcept;

}  // namespace citer
