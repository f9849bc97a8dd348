#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace citer {

/// A mathematical answer as a tree. Plain data.
struct Expression {
  enum class Kind {
    kNumber,     ///< `name`: digits; its value is digits * 10^scale
    kSymbol,     ///< `name`: a variable, \pi, e, i, \infty
    kAdd,        ///< of all arguments
    kMultiply,   ///< of all arguments
    kDivide,     ///< first by second
    kNegate,     ///< of one
    kPower,      ///< first to the second
    kCall,       ///< `name`: "\sqrt" (radicand, degree), "!", "|", "\binom", "\sin", "\ln", ...
    kPlusMinus,  ///< the argument with either sign; "\mp" has the other one than "\pm"
    kRelation,   ///< a chain; `name` has an operator a character: = < > l (at most) g (at least) n
                 ///< (not) a (about)
    kTuple,      ///< `name`: the opening and the closing bracket; tuples and intervals
    kList,       ///< in any order: "1, 2", "\{1, 2\}", a union of intervals
    kMatrix,     ///< of kRow; `name`: "|" for a determinant, else ""
    kRow
  };
  Kind kind = Kind::kNumber;
  std::string name{};
  std::vector<Expression> arguments{};
  int scale = 0;
};

/// Reads an answer as normalize_math() writes it. Nothing for text that is no formula (words, set
/// builders, unknown commands), that nests deeper than 40, or is longer than 1000 bytes. Linear in
/// the text's length.
std::optional<Expression> parse_expression(std::string_view normalized);

}  // namespace citer
