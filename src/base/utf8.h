#pragma once

#include <string>
#include <string_view>

namespace citer {

/// Length of the longest prefix of `text` that does not end inside a UTF-8 character. Bytes that
/// can never become valid count as complete, so nothing is held back for ever.
std::size_t complete_utf8_length(std::string_view text);

/// Length of the longest prefix of `text` that is valid UTF-8.
std::size_t valid_utf8_length(std::string_view text);

/// `text` with every byte that is not part of a valid UTF-8 character replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

}  // namespace citer
