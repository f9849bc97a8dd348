#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "citer/generation.h"

namespace citer {

/// How far the thinking at the beginning of an answer's text has come.
struct ThinkingSpan {
  enum class State {
    kUndecided,  ///< what there is may be the beginning of the opening tag
    kNone,       ///< the answer begins with something else
    kUnderWay,
    kOver,
  };
  State state = State::kUndecided;
  std::size_t begin = 0;    ///< of the thought; kUndecided, kUnderWay and kOver
  std::size_t end = 0;      ///< of the thought, without white space at its end; kOver
  std::size_t content = 0;  ///< where what follows begins; kOver
};

/// Looks for it. White space around the thought and its tags belongs to nothing.
ThinkingSpan find_thinking(std::string_view text, const Thinking& tags);

struct SplitText {
  std::string reasoning;  ///< the thought without its tags
  std::string content;    ///< the rest
};

/// Parts a whole answer. One whose thinking has no end is all reasoning; without tags, or where
/// thinking is kept, it is all content.
SplitText split_thinking(std::string_view text, const std::optional<Thinking>& tags);

/// Parts an answer's text as it comes.
class ThinkingText {
 public:
  explicit ThinkingText(Thinking tags) : tags_(std::move(tags)) {}

  /// What has become sure of each part; the rest may be a tag's beginning, or white space at one.
  SplitText push(std::string_view text);
  /// At the end of the text: what was held back.
  SplitText finish();

 private:
  SplitText take(const SplitText& sure);

  Thinking tags_;
  std::string text_;
  std::size_t reasoning_shown_ = 0;  ///< bytes
  std::size_t content_shown_ = 0;
};

}  // namespace citer
