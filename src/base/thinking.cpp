#include "base/thinking.h"

#include <algorithm>

#include "base/text.h"

namespace citer {

namespace {

using State = ThinkingSpan::State;

/// Where the first character from `at` on stands that is no white space; or the end.
std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

/// `text` without what may be the beginning of `tag` at its end.
std::string_view without_begun(std::string_view text, std::string_view tag) {
  std::size_t size = std::min(tag.size() - 1, text.size());
  while (size > 0 && !text.ends_with(tag.substr(0, size))) --size;
  return text.substr(0, text.size() - size);
}

/// Both parts, as far as they are sure: `is_whole` where no text will follow.
SplitText split(std::string_view text, const Thinking& tags, bool is_whole) {
  const ThinkingSpan span = find_thinking(text, tags);
  switch (span.state) {
    case State::kUndecided:
      if (!is_whole) return {};
      return tags.is_open ? SplitText{std::string(trim(text)), ""}
                          : SplitText{"", std::string(text)};
    case State::kNone:
      return {"", std::string(text)};
    case State::kUnderWay: {
      std::string_view thought = text.substr(span.begin);
      if (!is_whole) thought = without_begun(thought, tags.close);
      return {std::string(trim_end(thought)), ""};
    }
    case State::kOver:
      break;
  }
  return {std::string(text.substr(span.begin, span.end - span.begin)),
          std::string(text.substr(span.content))};
}

}  // namespace

ThinkingSpan find_thinking(std::string_view text, const Thinking& tags) {
  std::size_t begin = skip_space(text, 0);
  const std::string_view head = text.substr(begin);
  if (head.starts_with(tags.open)) {
    begin = skip_space(text, begin + tags.open.size());
  } else if (std::string_view(tags.open).starts_with(head)) {
    return {State::kUndecided, begin};
  } else if (!tags.is_open) {
    return {State::kNone};
  }
  const std::size_t close = text.find(tags.close, begin);
  if (close == std::string_view::npos) return {State::kUnderWay, begin};
  const std::size_t end = begin + trim_end(text.substr(begin, close - begin)).size();
  return {State::kOver, begin, end, skip_space(text, close + tags.close.size())};
}

SplitText split_thinking(std::string_view text, const std::optional<Thinking>& tags) {
  if (!tags || tags->is_kept) return {"", std::string(text)};
  return split(text, *tags, true);
}

SplitText ThinkingText::push(std::string_view text) {
  text_ += text;
  return take(split(text_, tags_, false));
}

SplitText ThinkingText::finish() { return take(split(text_, tags_, true)); }

SplitText ThinkingText::take(const SplitText& sure) {
  SplitText grown{sure.reasoning.substr(reasoning_shown_), sure.content.substr(content_shown_)};
  reasoning_shown_ = sure.reasoning.size();
  content_shown_ = sure.content.size();
  return grown;
}

}  // namespace citer
