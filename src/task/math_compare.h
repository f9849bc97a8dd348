#pragma once

#include <string_view>

namespace citer {

/// How two answers were compared, and what came of it.
enum class Comparison {
  kNone,       ///< there was no answer to compare
  kUnread,     ///< they are spelled differently, and one of them is no formula: held to differ
  kDifferent,  ///< their values differ, or one has none
  kNumeric,    ///< their values agree to 30 digits
  kIdentity,   ///< they are the same formula with overwhelming probability
  kWords,      ///< the same words
  kExact,      ///< the same numbers
  kSpelling,   ///< spelled alike once normalised
  kLabel,      ///< labels of choices
  kTests       ///< a program, by the tests that it passes or fails
};

/// Short lower-case name for records: "exact", "different", ...
const char* comparison_name(Comparison comparison);

/// Whether compare_math() found the same answer.
bool is_same(Comparison comparison);

/// Compares two answers as normalize_math() writes them; docs/answers.md lists how. Of answers with
/// parts the weakest comparison of a part counts.
Comparison compare_math(std::string_view gold, std::string_view given);

/// Whether it is a formula of numbers and \pi alone, as normalize_math() writes it.
bool is_constant_text(std::string_view normalized);

}  // namespace citer
