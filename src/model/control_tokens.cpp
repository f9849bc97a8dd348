#include "model/control_tokens.h"

#include <algorithm>

namespace citer {

namespace {

/// Two code points that are no characters: no text has them.
constexpr std::string_view kMark = "\xef\xb7\x90\xef\xb7\x91";

/// Bytes of the first character.
std::size_t first_character(std::string_view text) {
  const auto end = std::find_if(text.begin() + 1, text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  });
  return static_cast<std::size_t>(end - text.begin());
}

}  // namespace

ControlTokens::ControlTokens(const Vocab& vocab) : vocab_(vocab) {
  for (Token token = 0; token < vocab.size(); ++token) {
    if (!vocab.piece(token).empty()) continue;
    std::string spelling = vocab.spelling(token);
    if (spelling.size() > 1) spellings_.push_back(std::move(spelling));
  }
}

std::vector<std::pair<std::size_t, std::size_t>> ControlTokens::find_all(
    std::string_view text) const {
  std::vector<std::pair<std::size_t, std::size_t>> found;
  for (const std::string& spelling : spellings_) {
    for (std::size_t at = 0; (at = text.find(spelling, at)) != std::string_view::npos;) {
      found.emplace_back(at, at + spelling.size());
      at += spelling.size();
    }
  }
  std::sort(found.begin(), found.end());
  std::size_t end = 0;
  std::erase_if(found, [&](const auto& span) {
    if (span.first < end) return true;
    end = span.second;
    return false;
  });
  return found;
}

std::string ControlTokens::marked(std::string text) const {
  auto found = find_all(text);
  std::reverse(found.begin(), found.end());  // places before a mark stay where they are
  for (const auto& span : found) {
    text.insert(span.first + first_character(std::string_view(text).substr(span.first)), kMark);
  }
  return text;
}

std::string ControlTokens::unmarked(std::string_view text) {
  std::string plain;
  for (std::size_t mark; (mark = text.find(kMark)) != std::string_view::npos;) {
    plain += text.substr(0, mark);
    text.remove_prefix(mark + kMark.size());
  }
  return plain += text;
}

std::vector<Token> ControlTokens::tokenize(std::string_view text) const {
  if (text.find(kMark) == std::string_view::npos) return vocab_.tokenize(text, true, true);
  std::vector<Token> tokens;
  bool is_first = true;
  const auto add = [&](std::size_t begin, std::size_t end, bool parse_special) {
    if (begin == end && !is_first) return;
    const std::vector<Token> more = vocab_.tokenize(unmarked(text.substr(begin, end - begin)),
                                                    std::exchange(is_first, false), parse_special);
    tokens.insert(tokens.end(), more.begin(), more.end());
  };
  // A stretch between two control tokens is text alone if there is a mark in it.
  std::size_t read = 0;
  std::size_t begin = 0;
  const auto read_stretch = [&](std::size_t end) {
    if (text.substr(begin, end - begin).find(kMark) == std::string_view::npos) return;
    add(read, begin, true);
    add(begin, end, false);
    read = end;
  };
  for (const auto& [control, behind] : find_all(text)) {
    read_stretch(control);
    begin = behind;
  }
  read_stretch(text.size());
  add(read, text.size(), true);
  return tokens;
}

}  // namespace citer
