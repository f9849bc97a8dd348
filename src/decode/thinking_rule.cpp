#include "decode/thinking_rule.h"

#include <algorithm>
#include <string>

#include "base/thinking.h"
#include "model/sampler.h"

namespace citer {

namespace {

/// Tokens as text, and where each ends in it.
struct Pieces {
  Pieces(std::span<const Token> tokens, const Vocab& vocab) {
    for (const Token token : tokens) {
      text += vocab.piece(token);
      ends.push_back(text.size());
    }
  }
  /// How many tokens end at `byte` or before.
  std::size_t tokens_to(std::size_t byte) const {
    return static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), byte) -
                                    ends.begin());
  }

  std::string text;
  std::vector<std::size_t> ends;
};

}  // namespace

ThinkingRule::ThinkingRule(Thinking tags, int budget, const Vocab& vocab)
    : tags_(std::move(tags)),
      budget_(budget),
      vocab_(&vocab),
      close_(vocab.tokenize(tags_->close, false, true)) {}

Token ThinkingRule::forced(std::span<const Token> answer) const {
  if (!tags_ || budget_ < 0) return kNoToken;
  const Pieces pieces(answer, *vocab_);
  const ThinkingSpan span = find_thinking(pieces.text, *tags_);
  const bool is_under_way = span.state == ThinkingSpan::State::kUnderWay ||
                            (tags_->is_open && span.state == ThinkingSpan::State::kUndecided);
  if (!is_under_way) return kNoToken;
  const std::size_t thought = answer.size() - pieces.tokens_to(span.begin);
  const auto budget = static_cast<std::size_t>(budget_);
  if (thought < budget || thought - budget >= close_.size()) return kNoToken;
  return close_[thought - budget];
}

std::optional<std::size_t> ThinkingRule::thought_tokens(std::span<const Token> answer) const {
  if (!tags_ || !tags_->is_open) return 0;
  const Pieces pieces(answer, *vocab_);
  const std::size_t close = pieces.text.find(tags_->close);
  if (close == std::string::npos) return std::nullopt;
  const std::size_t before_end = close + tags_->close.size() - 1;
  return pieces.tokens_to(before_end) + 1;
}

}  // namespace citer
