#pragma once

#include <string>
#include <vector>

#include "citer/generation.h"
#include "citer/types.h"

namespace citer::cli {

/// Reads prompts from JSONL: one object a line with `prompt` (text) or `messages` (a list of
/// {role, content}), and `id` (text or number; default: the line number). Empty lines are skipped,
/// other fields ignored. Throws InputError naming file, line, what was expected and found.
std::vector<Prompt> read_prompts(const std::string& path);

}  // namespace citer::cli
