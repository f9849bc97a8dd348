#pragma once

namespace citer {

/// Where an answer stands.
enum class Phase {
  kQueued,     ///< no slot yet
  kPrefill,    ///< has a slot; nothing is drafted yet
  kDrafting,   ///< the SLM may draft on; drafts behind a pending token may be held
  kPending,    ///< waits: nothing more is drafted before the LLM has decided
  kVerifying,  ///< an LLM pass over its pending tokens is being made
  kFinished,   ///< no token will follow
};

const char* to_string(Phase phase);

/// The one table of what leads where: whether `to` may follow `from`.
bool may_follow(Phase from, Phase to);

}  // namespace citer
