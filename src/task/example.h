#pragma once

#include <string>
#include <vector>

namespace citer {

/// What an answer is, and so how it is extracted and compared.
enum class TaskKind {
  kMath,    ///< a number or a formula, compared by value (GSM8K, MATH, `math`)
  kChoice,  ///< one of several labelled choices (CommonsenseQA, ARC, MMLU, `mc`)
  kCode,    ///< a Python program, run against tests (HumanEval, MBPP)
  kOpen     ///< a prompt without a right answer: to learn from, not to be measured by
};

/// "math", "mc", "code" or "open", as run records name it.
constexpr const char* task_name(TaskKind kind) {
  if (kind == TaskKind::kMath) return "math";
  if (kind == TaskKind::kChoice) return "mc";
  return kind == TaskKind::kCode ? "code" : "open";
}

struct Choice {
  std::string label;  ///< "A", or "1" in some ARC records
  std::string text;
};

/// One question with its right answer. Plain data: whoever holds it owns it.
struct Example {
  std::string id;  ///< unique in its dataset
  TaskKind kind = TaskKind::kMath;
  std::string question;  ///< kOpen: the prompt
  /// What a model is given, examples shown before it (shots) included. Ends without white space
  /// unless a template says otherwise.
  std::string prompt;
  /// A right continuation of `prompt` (it begins with the separating space where the prompt does
  /// not end in white space), or empty when the data has none.
  std::string reference;
  /// kMath: the answer as normalize_math() writes it. kChoice: the label of the right choice.
  /// kCode: the tests, a program that goes after the answer and ends with an error when it is
  /// wrong. kOpen: empty.
  std::string gold;
  std::vector<Choice> choices;  ///< of kChoice alone
  std::string entry_point;      ///< kCode: the function that is asked for; "" when it is not known
};

}  // namespace citer
