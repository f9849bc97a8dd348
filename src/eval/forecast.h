#pragma once

// Predicting the speed of ways to run a pair from timed passes and recorded answers.

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "citer/evaluation.h"
#include "eval/hardware.h"
#include "eval/replay.h"

namespace citer {

/// Seconds of single passes by the number of tokens they read.
using PassSamples = std::map<int, std::vector<double>>;

/// What is known of one token of a recorded answer.
struct RecordedToken {
  double score = 0.0;   ///< the policy's
  bool agrees = false;  ///< both models' likeliest token is the same
  bool by_llm = false;  ///< written by the LLM when it was recorded
};

struct RecordedAnswer {
  int prompt_tokens = 0;
  std::vector<RecordedToken> tokens{};
  double seconds = 0.0;         ///< of plain routing, prompt included
  double outside_models = 0.0;  ///< of those, neither model's
};

/// Answers that one policy scored.
using Recording = std::vector<RecordedAnswer>;

/// Who writes a token of a recorded answer in another way of running.
using Writers = std::function<bool(const RecordedToken& token, std::size_t index)>;

/// What was measured, or a resample of it.
struct Measured {
  PassSamples slm;
  PassSamples llm;
  Recording answers;
};

/// A bootstrap resample: as many answers, and timings of each size, drawn with replacement.
Measured resample(const Measured& measured, Rng& rng);

/// Predicts from what was measured. Means, not medians: a machine that others share has slow
/// passes, and they are waited for as well.
class Forecast {
 public:
  explicit Forecast(Measured measured);

  const Hardware& hardware() const { return hardware_; }
  /// Tokens per second of the answers, prompts included.
  double alone(Writer model) const;
  double routed(const Writers& by_llm, int pending) const;
  /// The share of tokens that the LLM writes.
  double share(const Writers& by_llm) const;

 private:
  double tokens_per_second(double seconds) const;
  double routed_seconds(const Writers& by_llm, int pending) const;

  Measured measured_;
  Hardware hardware_;
  double tokens_ = 0.0;
  /// Passes take longer where both models take turns (each finds the other's weights in the
  /// processor's caches); by the recorded answers.
  double turns_factor_ = 1.0;
};

/// The score below which the LLM writes this share of the tokens.
double threshold_for_share(const Recording& answers, double share);

/// Mean and 95 % interval of a figure over forecasts of resamples; `value` is that of the forecast
/// itself.
Estimate with_interval(double value, std::vector<double> resampled);

}  // namespace citer
