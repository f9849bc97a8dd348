#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "text.h"

namespace citer::demo {

/// A word problem with its worked solution.
struct MathProblem {
  std::string problem;
  WordedText solution;  // begins with a space, ends with "\boxed{N}."
  int result = 0;
  std::size_t template_index = 0;

  /// "Question: {problem}\nSolution:"
  std::string prompt() const;
};

MathProblem draw_math(Rng& rng);
/// The same with a given template, an index into math_templates().
MathProblem draw_math(std::size_t template_index, Rng& rng);

/// A product "a * b = p" in a text, as the solutions write it.
struct Product {
  int a = 0;
  int b = 0;
  std::size_t result_at = 0;  // byte offset of p's first digit
};

/// All products written out in a text.
std::vector<Product> products_in(const std::string& text);

}  // namespace citer::demo
