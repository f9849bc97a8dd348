#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "task/answer.h"

namespace citer {

/// An answer as found: for kMath text yet to be normalised, for kChoice a label.
struct Found {
  std::string answer;
  AnswerRule rule;
};

/// The built-in rules for numbers and formulas.
std::optional<Found> extract_math(std::string_view text, bool marked_only);

/// The built-in rules for labelled choices.
std::optional<Found> extract_choice(const std::vector<Choice>& choices, std::string_view text,
                                    bool marked_only);

/// The choice that a short text (a box, a pattern's group) names: as a whole by label or text, else
/// by the first mention in it.
std::optional<std::string> choice_named(const std::vector<Choice>& choices, std::string_view text);

}  // namespace citer
