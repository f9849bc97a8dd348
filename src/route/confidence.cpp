#include "route/confidence.h"

#include <algorithm>
#include <cmath>

namespace citer {

Confidence confidence(std::span<const float> logits) {
  if (logits.empty()) return {};
  float top = -INFINITY;
  float second = -INFINITY;
  for (float v : logits) {
    second = std::max(second, std::min(v, top));
    top = std::max(top, v);
  }
  // With x = logit - top: Z = sum e^x, entropy = log Z - sum x e^x / Z.
  double z = 0.0;
  double weighted = 0.0;
  for (float v : logits) {
    const float x = v - top;
    if (x < -80.0F) continue;  // e^-80 is nothing beside Z >= 1, and -inf * 0 would be NaN
    const float e = std::exp(x);
    z += e;
    weighted += x * e;
  }
  const double second_share = second > -INFINITY ? std::exp(double{second} - top) : 0.0;
  return {1.0 / z, (1.0 - second_share) / z, std::log(z) - weighted / z};
}

}  // namespace citer
