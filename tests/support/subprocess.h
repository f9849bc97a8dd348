#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace citer::test {

struct ProcessResult {
  int status = -1;  ///< exit status, or 128 + the signal that ended the program
  std::string out;
  std::string err;
};

struct ProcessInput {
  std::string input;                               ///< what stdin gives
  std::map<std::string, std::string> environment;  ///< set on top of this process's own
  std::filesystem::path folder;                    ///< working directory; empty: this process's
  unsigned time_limit = 0;                         ///< seconds until SIGALRM ends it; 0: none
  std::chrono::milliseconds kill_after{0};         ///< until SIGKILL ends it; 0: never
};

/// Runs a program to its end and keeps what it wrote. Throws std::runtime_error when it cannot be
/// started.
ProcessResult run_process(const std::filesystem::path& program,
                          const std::vector<std::string>& arguments,
                          const ProcessInput& input = {});

/// A program that runs until this goes; it prints nothing.
class BackgroundProcess {
 public:
  /// Throws std::runtime_error when it cannot be started.
  BackgroundProcess(const std::filesystem::path& program,
                    const std::vector<std::string>& arguments);
  ~BackgroundProcess() { kill(); }
  BackgroundProcess(const BackgroundProcess&) = delete;
  BackgroundProcess& operator=(const BackgroundProcess&) = delete;

  /// By SIGKILL; waits for its end.
  void kill();

 private:
  pid_t pid_;
};

/// A port of the loopback that is free now.
int free_port();

/// Whether something listens there within some seconds.
bool listens(int port);

}  // namespace citer::test
