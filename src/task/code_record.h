#pragma once

#include <nlohmann/json.hpp>

#include "task/example.h"
#include "task/record_fields.h"

namespace citer {

/// Whether a record is HumanEval's or MBPP's.
bool is_code_record(const nlohmann::json& object);

/// HumanEval: {task_id, prompt, entry_point, test, canonical_solution?}; the record's prompt is the
/// beginning of the program and what a model is given. MBPP: {task_id, text or prompt, test_list,
/// test_setup_code?, test_imports?, code?}. Throws InputError.
Example code_example(const nlohmann::json& object, const Place& place);

}  // namespace citer
