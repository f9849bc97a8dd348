#pragma once

// Pieces of GBNF, llama.cpp's grammar format. A "piece" can stand anywhere in a rule: it is a
// literal, a class, a rule's name, or in parentheses.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace citer::gbnf {

/// The most times that libllama's parser repeats one thing, with room to spare.
inline constexpr std::int64_t kMostRepetitions = 1000;
/// Whole numbers of a grammar have at most this many digits: a number has to end.
inline constexpr int kMostDigits = 16;

/// A literal that stands for exactly `text`.
std::string literal(std::string_view text);

/// One code point as it is written inside a class: [...].
std::string class_char(char32_t c);

/// The pieces, one of them to be chosen. Needs at least one.
std::string choice(const std::vector<std::string>& pieces);

/// What a grammar may cost in all: a schema comes from a stranger. The unit is one repetition,
/// which libllama's parser writes out.
class Budget {
 public:
  /// Throws UsageError when it is used up.
  void spend(std::int64_t cost);

 private:
  std::int64_t left_ = 50'000;
};

/// `piece` at least `min` and at most `max` times; no `max`: without end.
std::string repeated(const std::string& piece, std::int64_t min, std::optional<std::int64_t> max,
                     Budget& budget);

/// Decimal digits of the whole numbers from `low` (>= 0) to `high`; no `high`: as many as have
/// kMostDigits digits. Needs low <= high.
std::string natural_numbers(std::int64_t low, std::optional<std::int64_t> high);

/// Rules for any JSON value, and the parts the writer of a schema's grammar uses: value, object,
/// array, string, char (of a string), plain (a char without an escape), number, integer, boolean,
/// null, date, time, uuid, ws (at most one blank, or one line break with a bounded indentation).
std::string_view json_rules();

}  // namespace citer::gbnf
