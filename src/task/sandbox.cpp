#include "task/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "citer/error.h"

namespace citer {

namespace {

using Clock = std::chrono::steady_clock;
using Arguments = std::vector<std::string>;

constexpr std::size_t kKept = 8192;
constexpr int kNobody = 65534;

[[noreturn]] void refuse(std::string_view problem) {
  throw ResourceError(fmt::format(
      "code answers are run in a sandbox (bubblewrap's bwrap, util-linux, python3): {}", problem));
}

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {
    if (fd < 0) refuse(std::strerror(errno));
  }
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

/// bwrap's command line, from the inside out: python under limits, in namespaces, as nobody.
Arguments command_of(const SandboxLimits& limits) {
  const auto bytes = [](int mib) { return std::to_string(static_cast<long long>(mib) << 20); };
  Arguments out;
  if (geteuid() == 0) {
    out = {"setpriv", fmt::format("--reuid={}", kNobody), fmt::format("--regid={}", kNobody),
           "--clear-groups"};
  }
  const Arguments namespaces = {"bwrap",
                                "--unshare-all",
                                "--die-with-parent",
                                "--new-session",
                                "--clearenv",
                                "--cap-drop",
                                "ALL",
                                "--ro-bind",
                                "/usr",
                                "/usr",
                                "--ro-bind-try",
                                "/lib",
                                "/lib",
                                "--ro-bind-try",
                                "/lib64",
                                "/lib64",
                                "--ro-bind-try",
                                "/bin",
                                "/bin",
                                "--proc",
                                "/proc",
                                "--dev",
                                "/dev",
                                "--remount-ro",
                                "/dev",
                                "--size",
                                bytes(limits.disk_mib),
                                "--tmpfs",
                                "/tmp",
                                "--remount-ro",
                                "/",
                                "--chdir",
                                "/tmp",
                                "--setenv",
                                "PATH",
                                "/usr/bin:/bin",
                                "--setenv",
                                "PYTHONHASHSEED",
                                "0",
                                "--"};
  const Arguments bounded = {"prlimit",
                             "--as=" + bytes(limits.memory_mib),
                             "--fsize=" + bytes(limits.disk_mib),
                             fmt::format("--cpu={}", static_cast<int>(std::ceil(limits.seconds))),
                             fmt::format("--nproc={}", limits.processes),
                             "--nofile=64",
                             "--core=0",
                             "--",
                             "python3",
                             "-s",
                             "-B",
                             "-"};
  out.insert(out.end(), namespaces.begin(), namespaces.end());
  out.insert(out.end(), bounded.begin(), bounded.end());
  return out;
}

/// A file in memory that holds `bytes`, read from its start.
int file_of(std::string_view bytes) {
  const int fd = memfd_create("program", MFD_CLOEXEC);
  if (fd < 0) return fd;
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t written = write(fd, bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      close(fd);
      return -1;
    }
    at += static_cast<std::size_t>(written);
  }
  lseek(fd, 0, SEEK_SET);
  return fd;
}

/// Starts `arguments` with these for its input, and its output and errors.
pid_t start(const Arguments& arguments, int input, int output) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) refuse(fmt::format("{}: {}", arguments.front(), std::strerror(error)));
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

SandboxResult run(std::string_view program, const SandboxLimits& limits) {
  Descriptor input(file_of(program));
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) refuse(std::strerror(errno));
  const Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                           std::chrono::duration<double>(limits.seconds));
  const pid_t pid = start(command_of(limits), input.get(), to.get());
  to.reset();
  SandboxResult out;
  out.timed_out = !read_until(from.get(), deadline, out.output);
  if (out.timed_out) kill(pid, SIGKILL);  // all that bwrap started dies with it
  out.status = exit_status(pid);
  if (out.output.size() > kKept) out.output.erase(0, out.output.size() - kKept);
  return out;
}

/// Why nothing can be run here; nothing when it can.
std::optional<std::string> fault() {
  const SandboxResult result = run("print('ready')", {});
  if (result.status == 0 && result.output == "ready\n") return std::nullopt;
  if (result.timed_out) return "it does not start";
  const std::string_view said = trim(result.output);
  return std::string(said.substr(said.rfind('\n') + 1));
}

}  // namespace

SandboxResult run_python(std::string_view program, const SandboxLimits& limits) {
  static const std::optional<std::string> kFault = fault();
  if (kFault) refuse(*kFault);
  return run(program, limits);
}

}  // namespace citer
