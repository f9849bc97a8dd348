#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "citer/error.h"

namespace citer {

/// What one call of a ConfinedWorker may take.
struct Confinement {
  unsigned seconds = 10;
  std::uint64_t memory = 256 << 20;  ///< bytes beyond what the process had when it was forked
};

/// A function over bytes that runs in a process of its own, forked from this one: it may run for
/// ever, fill the memory or overflow its stack, and only that process ends; the next call gets a
/// new one. The process ends with this object, or with the process that forked it.
///
/// The function must not need other threads, devices or files. What it keeps between calls it
/// keeps in its process. Objects of this class are one thread's at a time.
class ConfinedWorker {
 public:
  using Work = std::function<std::string(std::string_view input)>;

  explicit ConfinedWorker(Work work, Confinement limits = {});
  ~ConfinedWorker();
  ConfinedWorker(const ConfinedWorker&) = delete;
  ConfinedWorker& operator=(const ConfinedWorker&) = delete;

  /// What the function makes of `input`. Throws Error with the message of the exception that it
  /// threw, and ResourceError: it took too long or too much, or there can be no such process.
  std::string call(std::string_view input);

 private:
  void start();
  [[noreturn]] void serve(int socket) const;
  std::string end();

  Work work_;
  Confinement limits_;
  pid_t child_ = -1;
  Descriptor socket_;
};

}  // namespace citer
