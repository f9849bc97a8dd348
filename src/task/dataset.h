#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "citer/data.h"
#include "task/example.h"

namespace citer {

/// Questions with their answers, in file order.
struct Dataset {
  std::string name;  ///< the path's stem
  std::filesystem::path path;
  std::vector<Example> examples;  ///< at least one
  /// Hash over everything in the examples and their order, the prompts included: two runs with
  /// equal fingerprints asked the same. The same on every machine.
  std::uint64_t fingerprint = 0;
};

/// Loads a dataset:
///  - .jsonl, one record a line: {problem, solution with \boxed{}} (`math`, MATH), {question,
///  answer
///    with "#### n"} (GSM8K), {question, choices: {label[], text[]}, answerKey} (`mc`, and
///    CommonsenseQA and ARC as Hugging Face has them), {question: {stem, choices: [{label, text}]},
///    answerKey} (the same as published), HumanEval and MBPP (see code_example()), {prompt} alone
///    or with {reference}, a text that may follow (kOpen). Any other record may have `id`, `prompt`
///    and, for choices, `cot`;
///  - .json: one such object, an array of them, or one a line, as CITER's own files are;
///  - .csv: MMLU (question, four choices, letter; no header);
///  - a directory: every such file in it and below, by path (MATH's one problem a file).
/// Ids that a file does not give are "<stem>:<line>" (in a directory the stem is the relative path
/// without extension).
/// Throws InputError ("path:line: expected ..., found ...") for malformed records, ids that occur
/// twice, fewer shots than asked for and a dataset without examples; UsageError for bad options.
Dataset load_dataset(const std::filesystem::path& path, const DatasetOptions& options = {});

/// Whether all examples have right answers.
bool has_answers(const Dataset& dataset);

/// Throws InputError naming the first example that has no right answer, and `what` compares with
/// them.
void require_answers(const Dataset& dataset, const std::string& what);

/// See Dataset::fingerprint.
std::uint64_t fingerprint(const std::vector<Example>& examples);

}  // namespace citer
