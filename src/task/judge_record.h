#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "task/example.h"

namespace citer {

/// A text to judge, and what it answers.
struct JudgeRecord {
  Example example;
  std::string text;
};

/// Reads texts of other systems, one a line of JSON, and visits them in order:
/// {data: "math", gold, text}, {data: "mc", gold: a label, choices, text} with choices as datasets
/// have them or as [label, text] pairs, {data: "code", text} with HumanEval's or MBPP's fields.
/// Throws InputError "path:line: expected ..., found ...".
void read_judge_records(const std::filesystem::path& path,
                        const std::function<void(const JudgeRecord&)>& visit);

}  // namespace citer
