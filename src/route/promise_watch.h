#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/rng.h"
#include "citer/types.h"

namespace citer {

/// Answers by their disagreement(), in bins of equal width over [0, 1].
inline constexpr std::size_t kDisagreementBins = 50;
using Disagreements = std::vector<std::int64_t>;  ///< [kDisagreementBins]; empty: not known

/// Of an audited answer: among the SLM's tokens before the LLM's last one, which are audited
/// whatever the schedule, the share where the LLM would have written another. Nothing where there
/// are none.
std::optional<double> disagreement(std::span<const TokenRecord> answer);

/// Counts an answer, if there is anything to count.
void add_answer(Disagreements& counts, std::span<const TokenRecord> answer);

/// Tests, answer by answer and for ever, whether those that are served could be drawn from the same
/// source as the validation answers of a promise, against "the LLM disagrees more often". A
/// conformal test martingale (Vovk, Gammerman and Shafer, "Algorithmic learning in a random world",
/// 2005, chapter 7): an answer's p-value is its rank among all answers so far, those of the
/// validation included, ties drawn; bets 1 + e (1/2 - p) with e of 0, 1 and 2, money moving between
/// them at the rate of 1/(n+1), so that it is there whenever things change. If nothing has changed
/// the chance that the evidence ever reaches 1 / (1 - confidence) is at most 1 - confidence
/// (Ville's inequality), for any number of validation answers. Not thread-safe.
class PromiseWatch {
 public:
  /// `validation` has all bins.
  PromiseWatch(Disagreements validation, double confidence);

  /// Takes an audited answer into account; true for the one at which the test rejects.
  bool saw(std::span<const TokenRecord> answer);

  /// Answers that were seen and had something to compare.
  std::int64_t answers() const { return answers_; }
  /// Wealth of the bets, 1 at first; stays where the test rejected.
  double evidence() const;
  /// Whether the test has rejected: answers no longer look like those of the validation.
  bool has_rejected() const { return has_rejected_; }

 private:
  static constexpr std::array<double, 3> kBets = {0.0, 1.0, 2.0};

  double p_value(std::size_t bin);
  void bet(double p_value);

  Disagreements counts_;
  double limit_;
  std::int64_t answers_ = 0;
  bool has_rejected_ = false;
  std::array<double, kBets.size()> wealth_{};
  Rng ties_{0};
};

}  // namespace citer
