#pragma once

#include <functional>
#include <string_view>

namespace citer {

/// Hands llama.cpp's own log to `sink`, in lines or parts of lines; an empty one drops it, as it is
/// from the start. For the whole process. Called by whichever thread logs, one at a time; it must
/// not throw, nor call this library.
void set_log_sink(std::function<void(std::string_view text)> sink);

}  // namespace citer
