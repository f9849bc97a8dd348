#pragma once

#include <span>

namespace citer {

/// Shape of a model's next-token distribution softmax(logits).
struct Confidence {
  double top = 0.0;      ///< probability of the likeliest token
  double margin = 0.0;   ///< its lead over the second likeliest
  double entropy = 0.0;  ///< in nats
};

/// One pass for the maximum and one for the sums; exact up to float rounding of the logits.
Confidence confidence(std::span<const float> logits);

}  // namespace citer
