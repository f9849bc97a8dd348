#pragma once

#include <string>
#include <string_view>

namespace citer {

/// One spelling for a mathematical answer written in LaTeX or plainly, so that equal answers mostly
/// become equal strings; docs/answers.md lists the rules. Applying it twice changes nothing more.
/// Text of more than 1000 bytes is only trimmed.
std::string normalize_math(std::string_view text);

}  // namespace citer
