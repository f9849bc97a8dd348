#pragma once

#include <string>
#include <string_view>

namespace citer {

/// `text` with mathematical characters and plain names ("×", "½", "x²", "sqrt", "infinity") as
/// LaTeX writes them, and " or " and " and " between values as commas.
std::string in_latex(std::string_view text);

}  // namespace citer
