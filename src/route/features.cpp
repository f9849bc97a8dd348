#include "route/features.h"

#include <algorithm>

#include <fmt/format.h>

#include "citer/error.h"

namespace citer {

const char* to_string(RouterFeatures features) {
  if (features == RouterFeatures::kConfidence) return "confidence";
  return features == RouterFeatures::kHidden ? "hidden" : "hidden+confidence";
}

RouterFeatures router_features(const std::string& name) {
  for (const RouterFeatures f :
       {RouterFeatures::kHidden, RouterFeatures::kConfidence, RouterFeatures::kHiddenConfidence}) {
    if (name == to_string(f)) return f;
  }
  throw FieldError(
      {"features"},
      fmt::format("expected hidden, confidence or hidden+confidence, found '{}'", name));
}

std::array<float, kConfidenceFeatures> confidence_features(const RowStats& row) {
  constexpr float kFloor = -20.0F;
  std::array<float, kConfidenceFeatures> features{};
  for (std::size_t i = 0; i < kTopLogprobs; ++i) {
    const bool is_there = i < row.likeliest.size();
    features[i] = is_there
                      ? std::max(kFloor, static_cast<float>(row.logprob(row.likeliest[i].logit)))
                      : kFloor;
  }
  features[kTopLogprobs] = static_cast<float>(row.entropy);
  features[kTopLogprobs + 1] = static_cast<float>(row.probability(0) - row.probability(1));
  return features;
}

int feature_count(RouterFeatures features, int n_embd) {
  return (reads_hidden(features) ? n_embd : 0) +
         (reads_confidence(features) ? kConfidenceFeatures : 0);
}

}  // namespace citer
