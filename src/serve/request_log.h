#pragma once

#include <chrono>
#include <string>

#include "serve/http.h"

namespace citer {

/// A request as one line of JSON: time (UTC, of its end), id, method, path, status, model, tokens
/// of the prompt and by each writer, seconds; its error and its body, where there are any.
std::string request_log_line(const RequestRecord& record, std::chrono::system_clock::time_point end,
                             double seconds);

}  // namespace citer
