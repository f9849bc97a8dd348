#pragma once

#include <optional>

#include "decode/pass_times.h"

namespace citer {

/// Sequences that are written together.
struct Together {
  int routed = 0;         ///< the SLM drafts for them
  int by_llm = 0;         ///< the LLM writes them: they wait again after each of its passes
  double share = 0.0;     ///< of the drafts after which a routed one waits; in (0, 1]
  double catch_up = 1.0;  ///< tokens that the LLM reads of a routed one that waits

  int all() const { return routed + by_llm; }
};

/// Steps of the SLM, then a pass of the LLM for all that wait by then, over and over.
struct Cycle {
  int steps = 1;
  double gathered = 1.0;  ///< sequences in the pass: the mean where there is one
  double tokens_per_second = 0.0;
  double longest = 0.0;  ///< seconds between two tokens at most: a pass before, the steps, a pass
};

/// 95th percentiles of the time between tokens are at most so many times what the LLM alone takes
/// per token.
inline constexpr double kMostBesideLlm = 1.3;

/// Which cycle writes most tokens per second, found by trying them (delayed batching; TokenRouter,
/// arXiv 2610.12242, derives such a threshold from step times and routing probability). With
/// `bounded` only among those in which the 95th percentile of the time between tokens is at most
/// kMostBesideLlm times llm.at(all()), what the LLM alone would take per token, or where none is,
/// among those with about the least. Never slower than a pass after each step; of cycles about as
/// fast the shortest. There must be a sequence.
///
/// With q = 1 - share, of N routed sequences N q^(j-1) take part in step j and N q^j of them go on,
/// each with a token. After k steps the pass reads for N (1 - q^k) sequences, and for those that
/// the LLM writes; somebody waits by then with probability 1 - q^(N k).
Cycle best_cycle(const Together& together, const PassTimes& slm, const PassTimes& llm,
                 bool bounded);

}  // namespace citer
