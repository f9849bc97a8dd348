#include "task/prompt.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "citer/error.h"
#include "task/text.h"

namespace citer {

namespace {

constexpr std::string_view kMathTemplate =
    "Question: {question}\n\n"
    "Work it out step by step, then finish with the result written as \\boxed{result}.\n\n"
    "Solution:";

constexpr std::string_view kChoiceTemplate =
    "Question: {question}\n"
    "Choices:\n{choices}\n\n"
    "Explain briefly, then finish with a sentence of the form: So the answer is TEXT (LABEL).\n\n"
    "Answer:";

constexpr std::string_view kCodeTemplate =
    "Write Python code for this:\n\n{question}\n\n"
    "Answer with the whole code in one block between ``` lines.\n";

std::string choice_lines(const std::vector<Choice>& choices) {
  std::string out;
  for (const Choice& choice : choices) {
    if (!out.empty()) out += '\n';
    out += fmt::format("({}) {}", choice.label, choice.text);
  }
  return out;
}

const Choice* right_choice(const Example& example) {
  const auto found = std::find_if(example.choices.begin(), example.choices.end(),
                                  [&](const Choice& c) { return c.label == example.gold; });
  return found == example.choices.end() ? nullptr : &*found;
}

}  // namespace

std::string_view default_template(TaskKind kind) {
  if (kind == TaskKind::kOpen) return "{question}";
  if (kind == TaskKind::kCode) return kCodeTemplate;
  return kind == TaskKind::kMath ? kMathTemplate : kChoiceTemplate;
}

void check_template(std::string_view text, TaskKind kind) {
  const auto has = [&](std::string_view part) { return text.find(part) != std::string_view::npos; };
  if (!has("{question}") && !has("{problem}")) {
    throw FieldError({"prompt_template"}, "expected the placeholder {question}, found none");
  }
  if (kind == TaskKind::kChoice && !has("{choices}")) {
    throw FieldError({"prompt_template"}, "expected the placeholder {choices}, found none");
  }
  if (kind != TaskKind::kChoice && has("{choices}")) {
    throw FieldError({"prompt_template"}, "found {choices}, but the data has none");
  }
}

std::string fill_template(std::string_view text, std::string_view question,
                          const std::vector<Choice>& choices) {
  const std::string lines = choice_lines(choices);
  const std::array<std::pair<std::string_view, std::string_view>, 3> values = {
      {{"{question}", question}, {"{problem}", question}, {"{choices}", lines}}};
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto found = std::find_if(values.begin(), values.end(), [&](const auto& value) {
      return text.substr(at).starts_with(value.first);
    });
    if (found == values.end()) {
      out += text[at++];
    } else {
      out += found->second;
      at += found->first.size();
    }
  }
  return out;
}

std::string continuation_of(std::string_view prompt, std::string_view reference) {
  std::string out(trim(reference));
  if (!out.empty() && !prompt.empty() && !is_space(prompt.back())) out.insert(0, 1, ' ');
  return out;
}

std::string shown_example(const Example& example) {
  std::string reference = example.reference;
  if (const Choice* right = right_choice(example); reference.empty() && right != nullptr) {
    reference = continuation_of(
        example.prompt, fmt::format("So the answer is {} ({}).", right->text, right->label));
  }
  return example.prompt + reference + "\n\n";
}

}  // namespace citer
