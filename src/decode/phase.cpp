#include "decode/phase.h"

#include <array>
#include <cstddef>

namespace citer {

namespace {

constexpr std::size_t kPhases = 6;
constexpr std::array<const char*, kPhases> kNames = {"queued",  "prefill",   "drafting",
                                                     "pending", "verifying", "finished"};

/// Row: from; column: to.
constexpr std::array<std::array<bool, kPhases>, kPhases> kFollows = {{
    // queued, prefill, drafting, pending, verifying, finished
    {false, true, false, false, false, true},  // queued: gets a slot, or is given up
    {false, false, true, true, false, true},   // prefill: the first draft
    {false, false, false, true, true, true},   // drafting: a draft; verifying beside it (overlap)
    {false, false, false, false, true, true},  // pending: an LLM pass
    // verifying: decided, or a part of a prompt is read; the LLM did not answer for the first token
    {false, true, true, true, false, true},
    {false, false, false, false, false, false},
}};

}  // namespace

const char* to_string(Phase phase) { return kNames[static_cast<std::size_t>(phase)]; }

bool may_follow(Phase from, Phase to) {
  return kFollows[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

}  // namespace citer
