#include "base/utf8.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace citer {

namespace {

/// Bytes of the character that `lead` starts, 0 when it starts none.
int expected_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Whether the first two bytes start a character that Unicode allows (no overlong form, no
/// surrogate, nothing above U+10FFFF; Unicode 15, table 3-7).
bool second_byte_ok(unsigned char lead, unsigned char second) {
  if ((second & 0xC0) != 0x80) return false;
  if (lead == 0xE0) return second >= 0xA0;
  if (lead == 0xED) return second < 0xA0;
  if (lead == 0xF0) return second >= 0x90;
  if (lead == 0xF4) return second < 0x90;
  return true;
}

/// Length of the valid character at the start of `text`, 0 if there is none.
std::size_t character_length(std::string_view text) {
  const int length = expected_length(static_cast<unsigned char>(text[0]));
  if (length == 0 || text.size() < static_cast<std::size_t>(length)) return 0;
  if (length > 1 &&
      !second_byte_ok(static_cast<unsigned char>(text[0]), static_cast<unsigned char>(text[1]))) {
    return 0;
  }
  const std::string_view tail = text.substr(1, static_cast<std::size_t>(length - 1));
  return std::all_of(tail.begin(), tail.end(), is_continuation) ? static_cast<std::size_t>(length)
                                                                : 0;
}

}  // namespace

std::size_t complete_utf8_length(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const std::size_t at = text.size() - back;
    if (is_continuation(text[at])) continue;
    const auto lead = static_cast<unsigned char>(text[at]);
    const bool open = static_cast<std::size_t>(expected_length(lead)) > back &&
                      (back < 2 || second_byte_ok(lead, static_cast<unsigned char>(text[at + 1])));
    return open ? at : text.size();
  }
  return text.size();
}

std::size_t valid_utf8_length(std::string_view text) {
  std::size_t valid = 0;
  while (valid < text.size()) {
    const std::size_t length = character_length(text.substr(valid));
    if (length == 0) break;
    valid += length;
  }
  return valid;
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) out += "\xEF\xBF\xBD";
    out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace citer
