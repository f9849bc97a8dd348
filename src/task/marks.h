#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace citer {

/// Content of the last \boxed{...} or \fbox{...} whose braces balance and that is not blank;
/// "\boxed 7" counts too. A later box that is cut off is passed over.
std::optional<std::string> last_boxed(std::string_view text);

/// What follows the last "####" that a number follows, up to the end of the line (GSM8K).
std::optional<std::string> last_hash_answer(std::string_view text);

}  // namespace citer
