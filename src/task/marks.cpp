#include "task/marks.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include <re2/re2.h>

#include "task/text.h"

namespace citer {

namespace {

constexpr std::size_t kNone = std::string_view::npos;
/// Boxes farther apart are two answers; bounds the work.
constexpr std::size_t kLongestJoint = 60;

/// For each '{' of a group that is closed, where its '}' is; escaped braces are none of a group.
std::unordered_map<std::size_t, std::size_t> match_braces(std::string_view text) {
  std::unordered_map<std::size_t, std::size_t> out;
  std::vector<std::size_t> open;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '{') {
      open.push_back(at);
    } else if (text[at] == '}' && !open.empty()) {
      out[open.back()] = at;
      open.pop_back();
    }
  }
  return out;
}

/// The content of the box whose command ends at `from`, or nothing when it is cut off or blank.
std::string_view box_at(std::string_view text, std::size_t from,
                        const std::unordered_map<std::size_t, std::size_t>& braces) {
  while (from < text.size() && is_space(text[from])) ++from;
  if (from == text.size()) return {};
  if (text[from] != '{') {
    std::size_t end = from;
    while (end < text.size() && !is_space(text[end]) && text[end] != '$') ++end;
    return text.substr(from, end - from);
  }
  const auto close = braces.find(from);
  if (close == braces.end()) return {};
  return trim(text.substr(from + 1, close->second - from - 1));
}

}  // namespace

std::optional<std::string> last_boxed(std::string_view text) {
  static const RE2 kBox(R"(\\(?:boxed|fbox))");
  static const RE2 kJoined(
      R"((?:[\s$]|\\[()\[\] ,;]|\\q?quad)*(?:,|(?:\s[a-z]+\s)?,?\s*(?:\b(?:and|or)\b|\\text\s*\{\s*(?:and|or)\s*\}))?(?:[\s$]|\\[()\[\] ,;]|\\q?quad)*(?:[A-Za-z](?:_\w|_\{\w+\})?\s*=\s*)?)");
  std::optional<std::string> out;
  std::optional<std::unordered_map<std::size_t, std::size_t>> braces;
  re2::StringPiece match;
  const re2::StringPiece all(text.data(), text.size());
  std::size_t last_end = 0;
  for (std::size_t at = 0; kBox.Match(all, at, text.size(), RE2::UNANCHORED, &match, 1);) {
    const auto begin = static_cast<std::size_t>(match.data() - text.data());
    at = begin + match.size();
    if (!braces) braces = match_braces(text);
    const std::string_view content = box_at(text, at, *braces);
    if (content.empty()) continue;
    const std::string_view between = text.substr(last_end, begin - last_end);
    const bool joined = out && between.size() < kLongestJoint &&
                        RE2::FullMatch(re2::StringPiece(between.data(), between.size()), kJoined);
    out = joined ? *out + ", " + std::string(content) : std::string(content);
    at = static_cast<std::size_t>(content.data() + content.size() - text.data());
    last_end = std::min(at + (at < text.size() && text[at] == '}' ? 1 : 0), text.size());
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

std::optional<std::string> last_tagged(std::string_view text) {
  static const RE2 kTagged(
      R"re((?is)<\s*(?:final_?)?answer\s*>\s*([^<]*?)\s*<|"(?:final_?)?answer"\s*:\s*(?:"([^"]*)"|([-+.\w/]+)))re");
  std::optional<std::string> out;
  re2::StringPiece groups[4];
  const re2::StringPiece all(text.data(), text.size());
  for (std::size_t at = 0; kTagged.Match(all, at, text.size(), RE2::UNANCHORED, groups, 4);) {
    at = static_cast<std::size_t>(groups[0].data() - text.data()) + groups[0].size();
    for (int i = 1; i < 4; ++i) {
      if (!groups[i].empty()) out = std::string(groups[i].data(), groups[i].size());
    }
  }
  return out;
}

std::string_view announcement_pattern() {
  return R"((?i:\banswer(?:\s+(?:to|for|of|here)\b[^.\n:=]{0,80}?)?(?:["'*]*\s*(?:\bis\b|\bwas\b|\bequals\b|\b(?:would|will|should|must|has to|can only) be\b|[:=]))|\bfinal answer\W*\n|(?:\b(?:antwort|respuesta|risposta|resposta|antwoord|r(?:e|é)ponse)|ответ|Ответ|答案|答え|정답)(?:\s*[:：=]|\s+(?:ist|es|est|is|è|é)\b|是|は)))";
}

}  // namespace citer
