#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "beliefs.h"
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

/// A step in a text, as the solutions write it: "a op b = result".
struct WrittenStep {
  Step step;
  std::size_t result_at = 0;  // byte offset of the result's first digit
};

/// All steps written out in a text.
std::vector<WrittenStep> steps_in(const std::string& text);

}  // namespace citer::demo
