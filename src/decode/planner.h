#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "citer/types.h"
#include "decode/pass_times.h"
#include "model/sampler.h"

namespace citer {

/// What the LLM may decide at a pending token.
struct Guesses {
  double score = 0.0;          ///< the policy's
  Token slm = kNoToken;        ///< what the SLM would write
  Token runner_up = kNoToken;  ///< what it would write if that token did not exist
  float lead = 0.0F;           ///< of the first one's logit over the second's
};

/// Scores and leads at which guesses are counted together.
inline constexpr std::size_t kGuessBands = 12;

/// Which guess stands in for the LLM's token: per band of scores and leads, the SLM's own token or
/// its runner-up.
struct GuessTable {
  std::array<bool, kGuessBands> runner_up{};
  Token best(const Guesses& guesses) const;
};

/// Knows what passes cost and how often guesses are right, and is the gate: it says when an LLM
/// pass is worth making, so that expected tokens per second are most. Not thread-safe.
///
/// Of one sequence: at once for a pending token (plain routing), or after more were drafted, so
/// that one pass verifies several.
///
///   With k pending tokens of acceptance a_1 ... a_k and g tokens drafted per pending one,
///   E_k = 1 + a_1 + a_1 a_2 + ... + a_1 ... a_(k-1)   pending tokens are settled by one pass,
///   which takes A + B k g seconds, after k g steps of the SLM of S seconds:
///   rate(k) = E_k g / (k g (S + B) + A).
///
/// Of N sequences: at once for those that wait, or after others have come to wait too (delayed
/// batching; TokenRouter, arXiv 2610.12242, derives such a threshold from step times and routing
/// probability). While b gather, N - b/2 go on writing on average:
///
///   rate(b) = b g / (b g / (N - b/2) x S(N - b/2) + A + B b c),   c tokens read per sequence.
///
/// A, B and S are measured as answers are written, a_i by score.
///
/// What the SLM drafts behind a pending token stands on a guess of the LLM's decision. A policy
/// that turns to the LLM where the SLM is about to be wrong makes the SLM's own token a bad guess
/// there, so the runner-up is taken where, at such scores and leads, that was right more often.
class SpeculationPlanner {
 public:
  /// Rows that matrix products work on at once: a pass takes about as long for any number of tokens
  /// up to the next multiple (ggml's CPU kernels for quantised weights).
  static constexpr std::size_t kTile = 16;

  /// An SLM step for `sequences` at once.
  void saw_slm_step(int sequences, double seconds) { slm_.saw(sequences, seconds); }
  /// A pass of the SLM that read parts of prompts.
  void saw_slm_prefill(int positions, double seconds) { slm_prefill_.saw(positions, seconds); }
  /// An LLM pass over `positions` tokens of `sequences`.
  void saw_llm_pass(int sequences, int positions, double seconds);
  /// A drafted token; whether it is pending.
  void saw_draft(bool pending);
  /// The LLM's decision at a pending token.
  void saw_decision(const Guesses& guesses, Token decision);

  /// Whether to verify now, holding these pending tokens, rather than after the next one. True
  /// (plain routing) until enough was measured.
  bool should_verify(std::span<const Guesses> pending) const;

  /// Whether the gate holds the `waiting` sequences back until some of the `moving` ones wait, too.
  bool gate_holds(int waiting, int moving) const;

  /// The guesses that are more often right, and how probably one is.
  GuessTable guess_table() const;
  double acceptance(const Guesses& guesses) const;

  /// Prompt tokens that the SLM, the LLM may read in one pass while so many sequences are written:
  /// as many as take a fifth of a second or so, in whole tiles, but not so few that passes get
  /// inefficient. More where none but the one that reads would wait.
  int slm_chunk(std::size_t running) const { return chunk(slm_prefill_, running); }
  int llm_chunk(std::size_t running) const { return chunk(llm_, running); }

  /// How many passes of a model the cached beginning of a finished answer is worth keeping for: by
  /// then attention over it has cost what reading it again would, and so no choice is more than
  /// twice as dear as the best one. `tokens_per_weights`: cached tokens that take the memory of the
  /// model's weights.
  double slm_keep_passes(double tokens_per_weights) const {
    return tokens_per_weights * slm_prefill_.long_token() / slm_.at(1);
  }
  double llm_keep_passes(double tokens_per_weights) const {
    return tokens_per_weights * llm_.long_token() / llm_.at(1);
  }

  const PassTimes& slm_times() const { return slm_; }
  const PassTimes& llm_times() const { return llm_; }

 private:
  /// Decaying counts of decisions at like scores and leads.
  struct Band {
    double decided = 0.0;
    double slm = 0.0;  ///< the SLM's own token
    double runner_up = 0.0;
  };
  static int chunk(const PassTimes& times, std::size_t running);
  /// Tokens drafted per pending one.
  double gap() const;

  PassTimes slm_;  ///< steps: one token a sequence
  PassTimes slm_prefill_;
  PassTimes llm_;
  double llm_sequences_ = 1.0;  ///< that share an LLM pass, decaying mean
  double llm_catch_up_ = 1.0;   ///< tokens an LLM pass reads per sequence, decaying mean
  double drafts_ = 0.0;         ///< decaying counts
  double pending_ = 0.0;
  std::array<Band, kGuessBands> bands_{};
};

}  // namespace citer
