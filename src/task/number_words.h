#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace citer {

/// The digits of a whole number that English words give as a whole: "three", "forty-two", "one
/// hundred and five", up to below a thousand million. Nothing for any other text.
std::optional<std::string> number_in_words(std::string_view text);

}  // namespace citer
