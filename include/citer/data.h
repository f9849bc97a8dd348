#pragma once

// Where questions come from, and how answers are judged.

#include <filesystem>
#include <string>

namespace citer {

/// Examples that are trained on and examples that are validated on, told apart by their ids: the
/// same on every machine.
enum class DataPart {
  kAll,
  kTraining,    ///< four in five
  kValidation,  ///< the others
};

/// How a dataset is turned into prompts. The defaults give each record its own prompt, or the
/// default template of its kind. docs/formats.md lists the formats that are read.
struct DatasetOptions {
  /// Prompt template with {question} and, for multiple choice, {choices}. Empty: the record's own
  /// `prompt` where it has one, else a template for its kind.
  std::string prompt_template{};
  /// Solved examples put before each question (n-shot); 0 or more. They are the first of
  /// `shots_path` that ask another question than the one at hand, prompted by the same template.
  int shots = 0;
  /// Dataset the shots come from; may be the dataset itself. Needed when `shots` > 0.
  std::filesystem::path shots_path{};
  /// Only the first so many examples; 0: all.
  int limit = 0;
  /// Only this part of them.
  DataPart part = DataPart::kAll;
};

/// How an answer is found in a text. docs/answers.md describes the built-in rules.
struct AnswerOptions {
  /// RE2 pattern whose first group is the answer; its last match counts. When it is set no other
  /// rule is tried. Empty: the built-in rules.
  std::string pattern{};
  /// Only answers that are marked as such: the last number or choice mentioned is not taken for
  /// one.
  bool marked_only = false;
  /// Seconds that a program and its tests may take.
  double code_seconds = 10;
};

}  // namespace citer
