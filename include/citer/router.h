#pragma once

// What a router is made of, and what is known of it.

#include <optional>
#include <string>

namespace citer {

/// What a router looks at.
enum class RouterFeatures {
  kHidden,            ///< the SLM's last hidden state, as in the paper
  kConfidence,        ///< the shape of its next-token distribution alone: no hidden state is read
  kHiddenConfidence,  ///< both (R2R, Fu et al. 2025, found the logits worth having)
};

/// How a router's matrices are stored and multiplied. Q8_0 is used where a row's length is a
/// multiple of 32, else F16.
enum class RouterWeights { kF32, kF16, kQ80 };

/// What routed answers cost and bring at one threshold, measured on validation examples.
struct CalibrationPoint {
  double threshold = 0.0;   ///< in [0, 1]
  double llm_share = 0.0;   ///< of the tokens, in [0, 1]
  double accuracy = 0.0;    ///< in [0, 1]
  double llm_passes = 0.0;  ///< per generated token
};

/// Positions of examples held out in training that lie next to each other by score: what the score
/// claims of them, and what their labels say. A reliability diagram's bin.
struct ReliabilityBin {
  double share = 0.0;    ///< part of all positions that score up to its highest
  double score = 0.0;    ///< mean
  double outcome = 0.0;  ///< part whose label prefers the SLM
};

/// What a promise says: routing keeps at least `accuracy` of the answers that the LLM alone gives
/// right, and validation shows it at `confidence`.
struct PromiseOptions {
  double accuracy = 0.99;    ///< in (0, 1)
  double confidence = 0.95;  ///< in (0, 1)

  bool operator==(const PromiseOptions&) const = default;
};

/// A promise, kept by a threshold or by the LLM alone; for each validation dataset by itself.
struct Promise {
  PromiseOptions asked{};
  /// The cheapest threshold that keeps it; nothing where validation shows it of none.
  std::optional<double> threshold{};
  /// The dataset that came nearest to failing there (without a threshold: at the dearest one).
  std::string task{};
  int examples = 0;  ///< of it that the LLM alone has right
  int harms = 0;     ///< of them routing has wrong
  /// Without a threshold: right answers of the LLM that it would take if harms stayed as frequent;
  /// nothing when they are too frequent for any number.
  std::optional<int> needed{};
};

}  // namespace citer
