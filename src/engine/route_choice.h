#pragma once

#include "base/decaying_mean.h"
#include "citer/generation.h"
#include "decode/planner.h"
#include "decode/sequence.h"

namespace citer {

/// Decides where an answer is begun whose request named no policy, threshold or budget: routed, or
/// by the LLM alone where routing is slower by the times of passes that were measured. It takes two
/// answers to turn to the LLM, and a clear advantage to turn back. Now and then an answer is routed
/// nevertheless, to see whether times have changed. Not thread-safe.
class RouteChoice {
 public:
  /// Makes a request that need not be routed one of the LLM alone, where that is faster. `unread`:
  /// tokens of its prompt that the SLM has not read; `together`: sequences that are written, this
  /// one included.
  void choose(DecodeRequest& request, std::size_t unread, int together,
              const SpeculationPlanner& planner);
  /// Tokens that an answer had.
  void saw_answer(std::int64_t tokens) { length_.saw(static_cast<double>(tokens)); }

  /// Tokens per second that the last choice went by; 0: not known.
  const PredictedSpeeds& predicted() const { return predicted_; }
  /// Answers that the LLM was left to write alone.
  std::int64_t not_routed() const { return not_routed_; }

 private:
  static constexpr int kFirstTrial = 8;

  bool routes(const PredictedSpeeds& speeds);

  bool routes_ = true;
  int against_ = 0;  ///< answers in a row that routing would make slower
  int alone_ = 0;    ///< answers by the LLM alone since one was routed
  int next_trial_ = kFirstTrial;
  DecayingMean length_{32.0};
  PredictedSpeeds predicted_{};
  std::int64_t not_routed_ = 0;
};

}  // namespace citer
