#pragma once

#include <string>
#include <string_view>

#include "base/text.h"

namespace citer {

// ASCII only: bytes above 127 are no letters.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_letter(char c) { return is_upper(c) || is_lower(c); }

/// `text` with every `from` replaced by `to`; `from` must not be empty.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

/// Where the sentence that `at` lies in ends: the position of its full stop (a '.', '!' or '?'
/// before white space or the end; not the point of "3.5" or "d.c"), of the newline, or the end.
std::size_t sentence_end(std::string_view text, std::size_t at);

/// Where the sentence that `at` lies in begins, leading white space included.
std::size_t sentence_begin(std::string_view text, std::size_t at);

}  // namespace citer
