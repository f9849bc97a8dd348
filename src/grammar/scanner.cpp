#include "grammar/scanner.h"

#include <algorithm>

#include <fmt/format.h>

namespace citer {

Ranges complement(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end());
  Ranges out;
  char32_t next = 0;
  for (const Range& range : ranges) {
    if (range.first > next) out.push_back({next, range.first - 1});
    next = std::max<char32_t>(next, range.last + 1);
  }
  if (next <= kLastCodePoint) out.push_back({next, kLastCodePoint});
  return out;
}

std::u32string code_points(std::string_view text) {
  std::u32string out;
  for (const char byte : text) {
    const auto b = static_cast<unsigned char>(byte);
    if ((b & 0xC0U) == 0x80U && !out.empty()) {
      out.back() = (out.back() << 6U) | (b & 0x3FU);
    } else {
      out += b < 0x80U ? b : b < 0xE0U ? b & 0x1FU : b < 0xF0U ? b & 0x0FU : b & 0x07U;
    }
  }
  return out;
}

bool Scanner::take(char32_t c) {
  if (at_end() || text_[at_] != c) return false;
  ++at_;
  return true;
}

char32_t Scanner::next() {
  if (at_end()) fail("it ends too early");
  return text_[at_++];
}

char32_t Scanner::hex(int digits) {
  char32_t value = 0;
  for (int i = 0; i < digits; ++i) {
    const char32_t c = next();
    constexpr std::string_view kDigits = "0123456789abcdef";
    const std::size_t digit =
        c < 128 ? kDigits.find(static_cast<char>(c < 'A' ? c : c | 0x20U)) : std::string_view::npos;
    if (digit == std::string_view::npos) fail("an escape with other than hexadecimal digits");
    value = value * 16 + static_cast<char32_t>(digit);
  }
  return value;
}

std::int64_t Scanner::number(std::int64_t most) {
  const std::size_t from = at_;
  std::int64_t value = 0;
  for (; peek() >= '0' && peek() <= '9'; ++at_) {
    value = value * 10 + static_cast<std::int64_t>(peek() - '0');
    if (value > most) fail(fmt::format("a number of repetitions above {}", most));
  }
  if (at_ == from) fail("a quantifier without a number");
  return value;
}

}  // namespace citer
