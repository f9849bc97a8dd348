#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/decaying_mean.h"
#include "citer/types.h"
#include "decode/gate.h"
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

/// What is to be known of those that wait, for the gate.
struct Waiting {
  int routed = 0;           ///< sequences that the SLM drafts for, whether they wait or not
  int by_llm = 0;           ///< sequences that the LLM alone writes
  int waiting = 0;          ///< of all, those that wait
  double longest = 0.0;     ///< seconds since the last token of the one that waits longest
  std::int64_t unread = 0;  ///< tokens that the LLM would read of those that wait
};

/// Knows what passes cost and how often guesses are right, and is the gate: it says when an LLM
/// pass is worth making, so that expected tokens per second are most. Not thread-safe.
///
/// Of one sequence: at once for a pending token (plain routing), or after more were drafted, so
/// that one pass verifies several.
///
///   With k pending tokens of acceptance a_1 ... a_k and g tokens drafted per pending one,
///   E_k = 1 + a_1 + a_1 a_2 + ... + a_1 ... a_(k-1)   pending tokens are settled by one pass
///   of L(k g) seconds, after k g steps of the SLM of S seconds:
///   rate(k) = E_k g / (k g S + L(k g)).
///
/// Of several sequences: when as many wait as do in the cycle that best_cycle() finds, or when one
/// of them would wait too long. L and S are measured as answers are written, a_i by score.
///
/// What the SLM drafts behind a pending token stands on a guess of the LLM's decision. A policy
/// that turns to the LLM where the SLM is about to be wrong makes the SLM's own token a bad guess
/// there, so the runner-up is taken where, at such scores and leads, that was right more often.
class SpeculationPlanner {
 public:
  /// Rows that matrix products work on at once: a pass takes about as long for any number of tokens
  /// up to the next multiple (ggml's CPU kernels for quantised weights).
  static constexpr std::size_t kTile = 16;

  /// No token waits longer than so many seconds, as far as passes are short enough; unset: 95 of
  /// 100 at most kMostBesideLlm times as long as the LLM alone takes per token.
  void set_max_wait(std::optional<double> seconds) { max_wait_ = seconds; }

  /// From now on passes take so many times as long: after a change of threads.
  void scale_slm(double factor);
  void scale_llm(double factor) { llm_.scale(factor); }

  /// An SLM step for `sequences` at once.
  void saw_slm_step(int sequences, double seconds);
  /// A pass of the SLM that read parts of prompts.
  void saw_slm_prefill(int positions, double seconds) { slm_prefill_.saw(positions, seconds); }
  /// An LLM pass over `positions` tokens of `sequences` that decides `decisions` pending ones.
  void saw_llm_pass(int sequences, int positions, int decisions, double seconds);
  /// A drafted token; whether it is pending.
  void saw_draft(bool pending);
  /// The LLM's decision at a pending token.
  void saw_decision(const Guesses& guesses, Token decision);

  /// Whether to verify now, holding these pending tokens, rather than after the next one. True
  /// (plain routing) until enough was measured.
  bool should_verify(std::span<const Guesses> pending) const;

  /// Whether the gate holds those that wait back until more wait, too.
  bool gate_holds(const Waiting& who);
  /// Whether the LLM is to read what those that wait are to catch up on before their pending
  /// tokens, for once: what it would take per token alone is known from such short passes only.
  bool wants_short_pass() const { return since_short_ >= next_short_; }

  /// The guesses that are more often right, and how probably one is.
  GuessTable guess_table() const;
  double acceptance(const Guesses& guesses) const;

  /// Prompt tokens that the SLM, the LLM may read in one pass while so many sequences are written,
  /// in whole tiles: as many as take half of the time that a token may wait, for both models may
  /// read; but, without set_max_wait(), not so few that they are read at less than half speed. More
  /// where none but the one that reads would wait.
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

  /// Tokens per second, by what was measured so far: whether they are known; of so many routed
  /// sequences together divided by their number; the same of sequences that the LLM writes; and of
  /// one by speculative decoding.
  bool knows_speeds() const;
  double routed_speed(int sequences) const;
  double llm_speed(int sequences) const;
  double speculative_speed() const;
  /// Seconds that the SLM reads for a prompt's token.
  double slm_prompt_token() const { return slm_prefill_.long_token(); }

  const PassTimes& slm_times() const { return slm_; }
  const PassTimes& llm_times() const { return llm_; }

 private:
  static constexpr double kDecisions = 100.0;
  /// Many sequences draft hundreds of tokens a second.
  static constexpr double kDrafts = 1000.0;

  /// Decisions at like scores and leads.
  struct Band {
    DecayingMean slm{kDecisions};  ///< the SLM's own token
    DecayingMean runner_up{kDecisions};
  };
  int chunk(const PassTimes& times, std::size_t running) const;
  double hold_up(std::size_t running) const;
  /// Tokens drafted per pending one.
  double gap() const;
  /// Of sequences that are written together.
  Together together(int routed, int by_llm) const;
  const Cycle& cycle(int routed, int by_llm);

  PassTimes slm_;  ///< steps: one token a sequence
  PassTimes slm_prefill_;
  PassTimes llm_;
  DecayingMean slm_sequences_{kDecisions};  ///< that share a step
  DecayingMean llm_sequences_{kDecisions};  ///< that share an LLM pass
  DecayingMean llm_catch_up_{kDecisions};   ///< tokens an LLM pass reads per sequence
  DecayingMean llm_decisions_{kDecisions};  ///< pending tokens it decides per sequence
  DecayingMean pending_{kDrafts};           ///< of the drafts
  std::array<Band, kGuessBands> bands_{};
  std::optional<double> max_wait_;
  /// The best cycle of those that are written, found again now and then.
  struct {
    int routed = 0;
    int by_llm = 0;
    int questions = 0;  ///< since it was found
    Cycle cycle;
  } found_;
  int since_short_ = 0;  ///< LLM passes since one that read hardly more than it decided
  int next_short_ = 1;   ///< passes from one such to the next
};

}  // namespace citer
