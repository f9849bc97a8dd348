#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace citer {

/// Content of the last \boxed{...} or \fbox{...} whose braces balance and that is not blank;
/// "\boxed 7" counts too. A later box that is cut off is passed over. Boxes that only "and", "or"
/// or a comma part ("x = \boxed{1} or x = \boxed{2}") are one answer, with commas between.
std::optional<std::string> last_boxed(std::string_view text);

/// What follows the last "####" that a number follows, up to the end of the line (GSM8K).
std::optional<std::string> last_hash_answer(std::string_view text);

/// What the last <answer>...</answer> holds, or the last "answer" field of JSON.
std::optional<std::string> last_tagged(std::string_view text);

/// RE2 source of the words that announce an answer, up to where it begins: "the answer is",
/// "Answer:", "Antwort:". It has no groups that take part, and ignores case.
std::string_view announcement_pattern();

}  // namespace citer
