#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "task/extract.h"

namespace citer {

/// The program that a text gives for a question about code, without its tests: the last block
/// between ``` that defines the wanted function, else the first block, else the text. Where it
/// defines that function, what stands before it in the question (imports, helpers) goes before;
/// where it does not, the question goes before, and the text ends with the function's body.
std::optional<Found> extract_code(const Example& example, std::string_view text, bool marked_only);

/// Whether the program passes the example's tests, in a sandbox. Throws ResourceError where the
/// system has none.
bool passes_tests(const Example& example, const std::string& program, double seconds);

}  // namespace citer
