#pragma once

// What the parsers of GBNF and of patterns share: sets of code points, and reading one by one.

#include <string>
#include <vector>

namespace citer {

/// From the first to the last code point, both included.
struct Range {
  char32_t first;
  char32_t last;
  auto operator<=>(const Range&) const = default;
};
using Ranges = std::vector<Range>;

inline constexpr char32_t kLastCodePoint = 0x10FFFF;
inline constexpr Range kSurrogates{0xD800, 0xDFFF};  ///< code points that UTF-8 cannot spell

/// All code points that are in none of the ranges, in order.
Ranges complement(Ranges ranges);

/// The code points of valid UTF-8.
std::u32string code_points(std::string_view text);

/// Reads a text from its beginning to its end.
class Scanner {
 public:
  virtual ~Scanner() = default;

 protected:
  explicit Scanner(std::u32string text) : text_(std::move(text)) {}

  bool at_end() const { return at_ == text_.size(); }
  /// 0 at the end.
  char32_t peek() const { return at_end() ? 0 : text_[at_]; }
  bool take(char32_t c);
  char32_t next();
  char32_t hex(int digits);
  /// Decimal digits; fails where there is none or the number is more than `most`.
  std::int64_t number(std::int64_t most);
  /// Throws UsageError that says the place.
  [[noreturn]] virtual void fail(const std::string& problem) const = 0;

  std::u32string text_;
  std::size_t at_ = 0;
};

}  // namespace citer
