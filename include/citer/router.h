#pragma once

// What a router is made of, and what is known of it.

namespace citer {

/// What a router looks at.
enum class RouterFeatures {
  kHidden,            ///< the SLM's last hidden state, as in the paper
  kHiddenConfidence,  ///< and the shape of its next-token distribution (R2R, Fu et al. 2025, found
                      ///< the logits worth having)
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

}  // namespace citer
