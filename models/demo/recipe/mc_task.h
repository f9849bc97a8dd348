#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "knowledge.h"
#include "text.h"

namespace citer::demo {

constexpr int kChoices = 5;

/// A multiple-choice question over the knowledge base.
struct McProblem {
  Question about;
  std::string question;
  std::array<int, kChoices> choices{};  // indices into Attribute::values
  int correct = 0;                      // index into choices

  /// "Question: {question}\nChoices:\n(A) moss\n...\nAnswer:"
  std::string prompt() const;
  std::string choice_text(int index) const;
  static char label(int index) { return static_cast<char>('A' + index); }
  /// mc_key() of this problem.
  std::string key() const;
};

/// Identifies a problem: the question and its set of choices, in any order.
std::string mc_key(const std::string& question, std::vector<std::string> choices);

/// An answer text and where it names the value.
struct McAnswer {
  WordedText text;
  std::array<std::size_t, 2> value_at{};  // offset of the value's token, its space included
};

/// Draws the choices; an outdated family's old value is always one of them.
McProblem draw_mc(const Question& about, Rng& rng);
McProblem draw_mc(Rng& rng);

/// The worked answer that names `value` (an index into Attribute::values).
McAnswer draw_mc_answer(const Question& about, int value, Rng& rng);

/// All questions, in order of animal and attribute.
std::vector<Question> all_questions();

}  // namespace citer::demo
