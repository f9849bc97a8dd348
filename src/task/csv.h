#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace citer {

/// Calls `row(fields, line)` for each record of comma-separated text (RFC 4180: quoted fields may
/// hold commas, line ends and doubled quotes; records end in LF or CRLF). `line` is the number,
/// from 1, of the line on which the record starts. Empty lines are skipped. A quote inside an
/// unquoted field stands for itself. Throws InputError "`name`:LINE: ..." for an unclosed quote or
/// for text after a closing one.
void for_each_csv_row(
    std::string_view text, std::string_view name,
    const std::function<void(const std::vector<std::string>& fields, int line)>& row);

}  // namespace citer
