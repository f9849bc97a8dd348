#pragma once

// Whether routing pays for a pair on this machine: measured where it is cheap, predicted for the
// rest, and on demand checked.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "citer/evaluation.h"
#include "citer/generation.h"
#include "citer/progress.h"
#include "citer/service.h"
#include "eval/hardware.h"

namespace citer {

struct AdviceOptions {
  /// A few, at least one; the more alike to what will be asked the better.
  std::vector<Prompt> prompts{};
  /// Tokens of an answer at most; > 0.
  int max_tokens = 64;
  /// LLM shares that routing is predicted at, in (0, 1).
  std::vector<double> shares{0.05, 0.1, 0.2, 0.3, 0.5};
  /// How often the passes are timed, > 0.
  int rounds = 6;
  /// Also write the answers in each way, and time that.
  bool check = false;
};

/// One way to run the pair, for one sequence.
struct RunningWay {
  std::string policy{};
  std::optional<double> threshold{};  ///< unset: the policy has none
  int pending_tokens = 1;             ///< see GenerationOptions; the fastest of a few numbers
  double llm_share = 0.0;             ///< aimed at; over tokens
  std::uint64_t bytes = 0;            ///< weights, and keys and values of a whole context
  /// Of whole answers, prompts included, with a 95 % interval over answers and timings.
  Estimate tokens_per_second{};
  /// What was measured, where AdviceOptions::check asked for it.
  std::optional<double> measured{};
};

struct Advice {
  ModelFacts slm{};
  ModelFacts llm{};
  Hardware hardware{};  ///< mean seconds of passes
  int prompts = 0;
  std::int64_t tokens = 0;       ///< that the figures rest on
  Estimate agreement{};          ///< share of tokens where both models' likeliest is the same
  double mean_confidence = 0.0;  ///< of the SLM: its likeliest token's probability
  RunningWay llm_alone{};
  RunningWay slm_alone{};
  RunningWay speculative{};              ///< speculative decoding: the LLM's own text
  std::vector<RunningWay> confidence{};  ///< routing by maxprob, one per share
  /// By the pair's first router; without one, by random:SHARE, which stands for one yet to be
  /// trained: its tokens lie as far apart.
  std::vector<RunningWay> router{};
  /// LLM share up to which routing by confidence is faster than the LLM alone.
  Estimate break_even{};
};

/// Bytes of weights that a model reads in a second when it writes one token at a time. On one
/// machine memory gives all models the same; less means that this model waits for arithmetic.
double weights_per_second(const ModelFacts& model, const PassCurve& passes);

/// Whether the SLM's weights, on a CPU, are of types that it is slow to compute with: it reads them
/// at under 0.8 times the speed at which the LLM reads its own. Models under 64 MiB are not judged:
/// what else a pass does outweighs their weights.
bool slm_waits_for_arithmetic(const Advice& advice);

/// Nothing when the watcher ended it. The service must have one sequence. Throws UsageError (no
/// prompt, a prompt that does not fit), InputError (a pair of different vocabularies) or
/// ResourceError.
std::optional<Advice> advise(Service& service, const AdviceOptions& options,
                             const Watcher& watcher = {});

/// Its fields and every way, as JSON (docs/advice.md).
std::string advice_json(const Advice& advice);

}  // namespace citer
