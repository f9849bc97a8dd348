#pragma once

#include <string>
#include <utility>
#include <vector>

#include "decode/constraint.h"

namespace citer {

/// What the LLM's side of a sequence grows by: text that the SLM wrote, or one token of its own.
struct LlmGrowth {
  std::vector<Token> tokens;
  /// With a token of its own: the text that is not the sequence's yet.
  std::string held;
};

/// A sequence's text in the LLM's own tokens, in a pair of different vocabularies. What the LLM
/// wrote stays as it wrote it. What the SLM wrote behind it becomes tokens when the LLM is to go
/// on: from there both agree where tokens end, so that no token is ever read twice.
struct LlmSide {
  LlmSide(std::vector<Token> prompt, ConstrainedSampler draws)
      : tokens(std::move(prompt)), sampler(std::move(draws)) {}

  /// `text_size`: of the sequence's text, which the tokens now stand for.
  void grow(LlmGrowth growth, std::size_t text_size) {
    tokens.insert(tokens.end(), growth.tokens.begin(), growth.tokens.end());
    held = std::move(growth.held);
    bytes = text_size;
  }

  std::vector<Token> tokens;  ///< prompt and text
  std::size_t bytes = 0;      ///< of the answer's text that they stand for
  std::string held;           ///< what they stand for beyond it: the beginning of a character
  ConstrainedSampler sampler;
};

}  // namespace citer
