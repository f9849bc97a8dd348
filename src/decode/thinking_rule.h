#pragma once

#include <optional>
#include <span>
#include <vector>

#include "citer/generation.h"
#include "model/vocab.h"

namespace citer {

/// Where an answer's thinking ends, and where it has to. Looks at the answer's tokens alone, so
/// that nothing has to be taken back with them.
class ThinkingRule {
 public:
  /// There is no thinking.
  ThinkingRule() = default;
  /// `budget`: tokens that the thought may have; negative: any number. The vocabulary must outlive
  /// it.
  ThinkingRule(Thinking tags, int budget, const Vocab& vocab);

  /// The token that must follow: of the closing tag, where the budget is spent. Else kNoToken.
  Token forced(std::span<const Token> answer) const;
  /// Whether there ever is one.
  bool may_force() const { return tags_ && budget_ >= 0; }

  /// How many of the answer's tokens are thinking that the prompt began; nothing while it goes on.
  std::optional<std::size_t> thought_tokens(std::span<const Token> answer) const;

 private:
  std::optional<Thinking> tags_;
  int budget_ = -1;
  const Vocab* vocab_ = nullptr;
  std::vector<Token> close_;  ///< the closing tag's tokens
};

}  // namespace citer
