#pragma once

// Pieces of GBNF, llama.cpp's grammar format. A "piece" can stand anywhere in a rule: it is a
// literal, a class, a rule's name, or in parentheses.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/scanner.h"

namespace citer::gbnf {

/// The most times that one thing is repeated.
inline constexpr std::int64_t kMostRepetitions = 20'000;
/// Whole numbers of a grammar have at most this many digits: a number has to end.
inline constexpr int kMostDigits = 16;

/// A literal that stands for exactly `text`.
std::string literal(std::string_view text);

/// One code point as it is written inside a class.
std::string class_char(char32_t c);

/// A class of these code points: [...].
std::string class_of(const Ranges& ranges);

/// The pieces, one of them to be chosen. Needs at least one.
std::string choice(const std::vector<std::string>& pieces);

/// The rules of a grammar that is being written, and what it may cost in all: a schema comes from a
/// stranger.
class Rules {
 public:
  /// The unit is one repetition. Throws UsageError when all is used up.
  void spend(std::int64_t cost);
  /// A name that no other rule has: the letters and digits of `hint`, and a number.
  std::string fresh_name(const std::string& hint);
  void set(const std::string& name, const std::string& body);
  /// Adds a rule and gives its name.
  std::string add(const std::string& hint, const std::string& body);
  /// All rules, a line each.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::size_t names_ = 0;
  std::int64_t left_ = 150'000;
};

/// `piece` at least `min` and at most `max` times; no `max`: without end.
std::string repeated(const std::string& piece, std::int64_t min, std::optional<std::int64_t> max,
                     Rules& rules);

/// Decimal digits of the whole numbers from `low` (>= 0) to `high`; no `high`: as many as have
/// kMostDigits digits. Needs low <= high.
std::string natural_numbers(std::int64_t low, std::optional<std::int64_t> high);

/// Rules for any JSON value, and the parts the writer of a schema's grammar uses: value, object,
/// array, string, char (of a string), plain (a char without an escape), number, integer, boolean,
/// null, ws (at most one blank, or one line break with a bounded indentation), and the formats
/// date, time, date-time, duration, uuid, email, hostname, ipv4, ipv6, uri.
std::string_view json_rules();

}  // namespace citer::gbnf
