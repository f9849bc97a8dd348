#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace citer {

struct ThinkingTags {
  std::string_view open;
  std::string_view close;
};

/// Between which models are known to think.
inline constexpr std::array<ThinkingTags, 4> kThinkingTags = {{
    {"<think>", "</think>"},                     // DeepSeek R1, Qwen3, GLM
    {"<|START_THINKING|>", "<|END_THINKING|>"},  // Command R7B
    {"[THINK]", "[/THINK]"},                     // Magistral
    {"<seed:think>", "</seed:think>"},           // Seed OSS
}};

inline bool is_thinking_tag(std::string_view text) {
  return std::any_of(kThinkingTags.begin(), kThinkingTags.end(), [&](const ThinkingTags& tags) {
    return text == tags.open || text == tags.close;
  });
}

}  // namespace citer
