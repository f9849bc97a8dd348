#pragma once

#include <string>
#include <vector>

#include "decode/step_plan.h"

namespace citer {

/// What a look at the decoder between two steps shows.
struct Snapshot {
  std::vector<SlotView> slots;
  std::vector<Read> under_way;  ///< the LLM pass's
  std::size_t context_size = 0;
};

/// What is not as it has to be in each phase, naming the slot; "" if all is. Run in tests and,
/// after each step, in debug builds.
std::string check_invariants(const Snapshot& snapshot);

}  // namespace citer
