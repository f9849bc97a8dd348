#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "citer/error.h"

namespace citer {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kKept = 8192;

[[noreturn]] void fail(std::string_view what) {
  throw ResourceError(fmt::format("{}: {}", what, std::strerror(errno)));
}

/// Fills a file in memory with `bytes`, to be read from its start.
void fill(const Descriptor& file, std::string_view bytes) {
  if (file.get() < 0) fail("memfd_create");
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t written = write(file.get(), bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("a program's input");
    at += static_cast<std::size_t>(written);
  }
  lseek(file.get(), 0, SEEK_SET);
}

/// Starts `arguments` with these for its input, and its output and errors.
pid_t start(const std::vector<std::string>& arguments, int input, int output) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // to be killed with its children
  pid_t pid = 0;
  errno = posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (errno != 0) fail(arguments.front());
  return pid;
}

/// Keeps the end of what comes until all writers are gone; false when time is up first.
bool read_until(int fd, Clock::time_point deadline, std::string& output) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd wanted{fd, POLLIN, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(left.count()));
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size <= 0) return true;
    output.append(buffer.data(), static_cast<std::size_t>(size));
    if (output.size() > 2 * kKept) output.erase(0, output.size() - kKept);
  }
}

int exit_status(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& arguments, std::string_view input,
                          double seconds) {
  const Descriptor file(memfd_create("input", MFD_CLOEXEC));
  fill(file, input);
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
  const Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                           std::chrono::duration<double>(seconds));
  const pid_t pid = start(arguments, file.get(), to.get());
  to.reset();
  ProcessResult out;
  out.timed_out = !read_until(from.get(), deadline, out.output);
  if (out.timed_out) kill(-pid, SIGKILL);
  out.status = exit_status(pid);
  if (out.output.size() > kKept) out.output.erase(0, out.output.size() - kKept);
  return out;
}

}  // namespace citer
