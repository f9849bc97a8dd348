#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace citer {

/// An exact value; lowest terms, positive denominator.
struct Rational {
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;
  friend bool operator==(const Rational&, const Rational&) = default;
};

/// The value of a normalised literal: "-3", "1234.50", "\frac{3}{4}", "3/4", "1\frac{1}{2}".
/// Nothing for other text, and where 64 bits do not suffice.
std::optional<Rational> parse_rational(std::string_view normalized);

/// The value of a normalised constant expression over numbers, \pi, + - \cdot / ^ \frac \sqrt
/// \sqrt[n] and brackets; nothing when it holds anything else, or is not finite.
std::optional<double> evaluate_constant(std::string_view normalized);

/// Whether two answers as normalize_math() writes them mean the same; docs/answers.md lists how.
bool same_math_answer(std::string_view gold, std::string_view given);

}  // namespace citer
