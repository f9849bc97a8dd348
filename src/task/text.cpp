#include "task/text.h"

namespace citer {

namespace {

bool ends_sentence(std::string_view text, std::size_t at) {
  const char c = text[at];
  if (c == '\n') return true;
  if (c != '.' && c != '!' && c != '?') return false;
  return at + 1 == text.size() || is_space(text[at + 1]);
}

}  // namespace

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t found = text.find(from, at);
    out += text.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    out += to;
    at = found + from.size();
  }
}

std::size_t sentence_end(std::string_view text, std::size_t at) {
  while (at < text.size() && !ends_sentence(text, at)) ++at;
  return at;
}

std::size_t sentence_begin(std::string_view text, std::size_t at) {
  while (at > 0 && !ends_sentence(text, at - 1)) --at;
  return at;
}

}  // namespace citer
