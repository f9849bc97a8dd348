#include "route/features.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "citer/error.h"
#include "route/confidence.h"

namespace citer {

const char* to_string(RouterFeatures features) {
  return features == RouterFeatures::kHidden ? "hidden" : "hidden+confidence";
}

RouterFeatures router_features(const std::string& name) {
  for (const RouterFeatures f : {RouterFeatures::kHidden, RouterFeatures::kHiddenConfidence}) {
    if (name == to_string(f)) return f;
  }
  throw FieldError({"features"},
                   fmt::format("expected hidden or hidden+confidence, found '{}'", name));
}

std::array<float, kConfidenceFeatures> confidence_features(std::span<const float> logits) {
  constexpr float kFloor = -20.0F;
  std::array<float, kConfidenceFeatures> features{};
  std::array<float, kTopLogprobs> top{};
  top.fill(-INFINITY);
  for (const float v : logits) {
    if (!(v > top.back())) continue;
    // Insertion into a short falling list.
    auto at = top.end() - 1;
    for (; at != top.begin() && *(at - 1) < v; --at) *at = *(at - 1);
    *at = v;
  }
  const Confidence c = confidence(logits);
  const auto log_top = static_cast<float>(std::log(c.top));
  for (std::size_t i = 0; i < top.size(); ++i) {
    features[i] = std::max(kFloor, log_top + (top[i] - top[0]));
  }
  features[kTopLogprobs] = static_cast<float>(c.entropy);
  features[kTopLogprobs + 1] = static_cast<float>(c.margin);
  return features;
}

int feature_count(RouterFeatures features, int n_embd) {
  return n_embd + (features == RouterFeatures::kHiddenConfidence ? kConfidenceFeatures : 0);
}

}  // namespace citer
