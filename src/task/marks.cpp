#include "task/marks.h"

#include <re2/re2.h>

#include "task/text.h"

namespace citer {

namespace {

constexpr std::size_t kNone = std::string_view::npos;

/// The content of the box whose command ends at `from`, or nothing when it is cut off or blank.
std::optional<std::string> box_at(std::string_view text, std::size_t from) {
  while (from < text.size() && is_space(text[from])) ++from;
  if (from == text.size()) return std::nullopt;
  std::size_t end = from;
  if (text[from] != '{') {
    while (end < text.size() && !is_space(text[end]) && text[end] != '$') ++end;
    return end == from ? std::nullopt : std::optional(std::string(text.substr(from, end - from)));
  }
  int depth = 0;
  for (; end < text.size(); ++end) {
    if (text[end] == '\\') {
      ++end;  // the character after it is no brace of a group
    } else if (text[end] == '{') {
      ++depth;
    } else if (text[end] == '}' && --depth == 0) {
      const std::string_view content = trim(text.substr(from + 1, end - from - 1));
      return content.empty() ? std::nullopt : std::optional(std::string(content));
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> last_boxed(std::string_view text) {
  std::optional<std::string> out;
  std::size_t best = 0;
  for (const std::string_view command : {"\\boxed", "\\fbox"}) {
    for (std::size_t at = text.rfind(command); at != kNone;
         at = at == 0 ? kNone : text.rfind(command, at - 1)) {
      auto content = box_at(text, at + command.size());
      if (!content) continue;
      if (!out || at > best) {
        out = std::move(content);
        best = at;
      }
      break;
    }
  }
  return out;
}

std::optional<std::string> last_hash_answer(std::string_view text) {
  constexpr std::string_view kMark = "####";
  for (std::size_t at = text.rfind(kMark); at != kNone;
       at = at == 0 ? kNone : text.rfind(kMark, at - 1)) {
    const std::size_t from = at + kMark.size();
    const std::size_t newline = text.find('\n', from);
    const std::string_view rest = trim(text.substr(from, newline - from));
    // A heading ("#### Step 2") is no answer.
    static const RE2 kNumber(R"(^\**\s*[-+]?\s*(?:\\?\$|€|£)?\s*(?:\\[dt]?frac|[-+]?\.?\d))");
    if (RE2::PartialMatch(rest, kNumber)) return std::string(rest);
  }
  return std::nullopt;
}

}  // namespace citer
