#pragma once

#include <string_view>

#include "base/process.h"

namespace citer {

/// Bounds on a program that nobody has read. Memory counts for each of its processes.
struct SandboxLimits {
  double seconds = 10;  ///< by the clock; as much again of processor time
  int memory_mib = 512;
  int processes = 8;  ///< threads included
  int disk_mib = 16;  ///< in /tmp, which is memory and gone at the end
};

/// Runs a Python program in namespaces of its own (bubblewrap): without network, devices and other
/// processes, with the system's programs to read and an empty /tmp to write. A root user becomes
/// nobody first. Any thread may call it, also several at once. Throws ResourceError naming what is
/// missing where the system has no such sandbox; that is found out once.
ProcessResult run_python(std::string_view program, const SandboxLimits& limits = {});

}  // namespace citer
