#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "task/example.h"

namespace citer {

/// The template used when neither the record nor the user brings a prompt: the question, for
/// kChoice the choices one a line as "(A) text", and how the answer is to be given.
std::string_view default_template(TaskKind kind);

/// Throws UsageError unless `text` holds the placeholder {question} (or {problem}, the same) and,
/// for kChoice, {choices}; for the others {choices} is refused.
void check_template(std::string_view text, TaskKind kind);

/// Replaces {question}, {problem} and {choices}; every other brace stands for itself, so that
/// "\boxed{}" needs no escape. What is put in is not searched again.
std::string fill_template(std::string_view text, std::string_view question,
                          const std::vector<Choice>& choices);

/// `reference` as the continuation of `prompt`: its outer white space cut, then one space in front
/// where the prompt does not end in white space.
std::string continuation_of(std::string_view prompt, std::string_view reference);

/// A solved example as it is shown before a question: prompt, reference (for a kChoice example
/// without one, a sentence that names the right choice), empty line.
std::string shown_example(const Example& example);

}  // namespace citer
