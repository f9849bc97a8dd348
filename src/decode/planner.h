#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace citer {

/// Decides when the LLM is asked about pending tokens: at once (plain routing), or after more were
/// drafted, so that one pass decides several. It maximises expected tokens per second:
///
///   with k pending tokens of acceptance a_1 ... a_k and g tokens drafted per pending one,
///   E_k = 1 + a_1 + a_1 a_2 + ... + a_1 ... a_(k-1)   pending tokens are settled by one pass,
///   which takes A + B k g seconds, after k g steps of the SLM of S seconds:
///   rate(k) = E_k g / (k g (S + B) + A).
///
/// A, B and S are measured as the answers are written (a decaying least-squares line and a decaying
/// mean), a_i by score. Not thread-safe.
class SpeculationPlanner {
 public:
  /// An SLM step for `sequences` at once.
  void saw_slm_step(int sequences, double seconds);
  /// An LLM pass over `positions` tokens of `sequences`.
  void saw_llm_pass(int sequences, int positions, double seconds);
  /// A drafted token; whether it is pending.
  void saw_draft(bool pending);
  /// The LLM's decision at a pending token.
  void saw_decision(float score, bool accepted);

  /// Whether to ask now, holding pending tokens of these scores, rather than after the next one.
  /// True (plain routing) until enough was measured.
  bool should_ask(std::span<const float> pending_scores) const;

  /// Probability that the LLM agrees with the SLM's token at this score.
  double acceptance(float score) const;

 private:
  static constexpr std::size_t kBands = 10;
  static std::size_t band(float score);

  double slm_seconds_ = 0.0;  ///< decaying mean, per sequence
  /// Decaying sums over LLM passes: weight, n, n^2, t, n t; n and t per sequence.
  double w_ = 0.0, n_ = 0.0, nn_ = 0.0, t_ = 0.0, nt_ = 0.0;
  std::int64_t passes_ = 0;
  double drafts_ = 0.0;  ///< decaying counts
  double pending_ = 0.0;
  std::array<double, kBands> accepted_{};
  std::array<double, kBands> decided_{};
};

}  // namespace citer
