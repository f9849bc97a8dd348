#pragma once

#include <array>
#include <string>

#include "citer/router.h"
#include "citer/row_stats.h"

namespace citer {

/// "hidden", "confidence" or "hidden+confidence".
const char* to_string(RouterFeatures features);
/// The same back; throws UsageError naming them.
RouterFeatures router_features(const std::string& name);

/// Log-probabilities of the likeliest tokens among the confidence features.
inline constexpr int kTopLogprobs = 8;
/// They, entropy (nats) and margin (of probabilities).
inline constexpr int kConfidenceFeatures = kTopLogprobs + 2;

/// The confidence features of a row with sums: log-probabilities falling, no lower than -20 (also
/// where the vocabulary has fewer tokens).
std::array<float, kConfidenceFeatures> confidence_features(const RowStats& row);

inline bool reads_hidden(RouterFeatures features) {
  return features != RouterFeatures::kConfidence;
}
inline bool reads_confidence(RouterFeatures features) {
  return features != RouterFeatures::kHidden;
}

/// Width of a router's input over hidden states of `n_embd`.
int feature_count(RouterFeatures features, int n_embd);

}  // namespace citer
