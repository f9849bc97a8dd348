#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace citer {

struct ProcessResult {
  bool timed_out = false;  ///< it was killed, with what it had started
  int status = -1;         ///< exit status, or 128 + the signal that ended it
  std::string output;      ///< the last 8 KiB of what it wrote, errors included
};

/// Runs a program, found by PATH, with `input` for its input, and waits for its end, or until
/// `seconds` have gone by. Any thread may call it. Throws ResourceError where it cannot be started.
ProcessResult run_process(const std::vector<std::string>& arguments, std::string_view input,
                          double seconds);

}  // namespace citer
