#include "task/number_words.h"

#include <array>
#include <cstdint>

#include "task/text.h"

namespace citer {

namespace {

constexpr std::array<std::string_view, 20> kSmall = {
    "zero",     "one",     "two",     "three",     "four",     "five",    "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<std::string_view, 8> kTens = {"twenty", "thirty",  "forty",  "fifty",
                                                   "sixty",  "seventy", "eighty", "ninety"};

template <std::size_t n>
std::optional<std::int64_t> place_in(const std::array<std::string_view, n>& words,
                                     std::string_view word) {
  for (std::size_t i = 0; i < n; ++i) {
    if (words[i] == word) return static_cast<std::int64_t>(i);
  }
  return std::nullopt;
}

/// Adds words up, from the left: a part below a thousand grows until a scale word ends it.
class Reader {
 public:
  bool read(std::string_view word) {
    if (const auto small = place_in(kSmall, word)) return add(*small, *small < 10 ? 1 : 10);
    if (const auto tens = place_in(kTens, word)) return add(20 + 10 * *tens, 10);
    if (word == "and") return part_ >= 100 && part_ % 100 == 0;
    if (word == "hundred") {
      if (part_ < 1 || part_ > 9) return false;
      part_ *= 100;
      return true;
    }
    if (word == "thousand") return scale(1'000);
    return word == "million" && scale(1'000'000);
  }
  std::int64_t value() const { return total_ + part_; }

 private:
  /// Units follow tens, both follow hundreds; nothing follows itself.
  bool add(std::int64_t value, std::int64_t place) {
    const bool tens_before = part_ % 100 >= 20 && part_ % 10 == 0;
    const bool fits = part_ % 100 == 0 || (place == 1 && tens_before && value != 0);
    if (!fits || (any_ && part_ == 0 && total_ == 0)) return false;
    any_ = true;
    part_ += value;
    return true;
  }
  bool scale(std::int64_t by) {
    if (part_ == 0 || by >= last_scale_) return false;
    last_scale_ = by;
    total_ += part_ * by;
    part_ = 0;
    return true;
  }

  std::int64_t total_ = 0;
  std::int64_t part_ = 0;
  std::int64_t last_scale_ = 1'000'000'000;
  bool any_ = false;
};

}  // namespace

std::optional<std::string> number_in_words(std::string_view text) {
  constexpr std::size_t kLongest = 100;
  text = trim(text);
  if (text.size() > kLongest || text.empty() || !is_letter(text.front())) return std::nullopt;
  const std::string words = lower(text);
  Reader reader;
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find_first_of(" -", at), words.size());
    if (!reader.read(std::string_view(words).substr(at, end - at))) return std::nullopt;
    at = end + 1;
  }
  return std::to_string(reader.value());
}

}  // namespace citer
