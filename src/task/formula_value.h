#pragma once

#include "task/expression.h"

namespace citer {

/// How two formulas were found to have the same value; the later the surer.
enum class Equality {
  kNone,      ///< they differ, or it could not be found out
  kNumeric,   ///< they agree to 30 digits, at several points where they hold variables
  kIdentity,  ///< they agree modulo two primes of 61 bits at random points: of two formulas of
              ///< degree d that differ, a share below (d / 2^60)^2 does (Schwartz and Zippel)
  kExact      ///< they are the same rational number
};

/// Compares two formulas of numbers, symbols, sums, products, quotients, powers, roots and
/// functions; anything else in them is equal to nothing. Rational numbers are compared exactly as
/// far as 4096 bits reach, larger ones and rational functions as kIdentity says, with \pi and e for
/// variables and i for the imaginary unit; what has roots and functions by 50 digits, with positive
/// values for its variables (so \sqrt{x^2} is x). The work grows with the formulas' sizes alone.
Equality same_value(const Expression& a, const Expression& b);

/// Whether it is a formula of numbers and \pi alone.
bool is_constant(const Expression& formula);

}  // namespace citer
