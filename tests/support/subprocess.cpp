#include "support/subprocess.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <thread>

namespace citer::test {

namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// An unnamed file: takes any amount of output without a reader that must keep up.
File scratch_file() {
  File file(std::tmpfile());
  if (!file) throw std::runtime_error("cannot make a temporary file");
  return file;
}

std::string contents(std::FILE* file) {
  std::rewind(file);
  std::string bytes;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), file)) {
    bytes.append(buffer.data(), n);
  }
  return bytes;
}

[[noreturn]] void become(const char* program, std::vector<char*>& argv, const ProcessInput& input,
                         const std::array<std::FILE*, 3>& streams) {
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(fileno(streams.at(static_cast<std::size_t>(fd))), fd) < 0) _exit(127);
  }
  if (!input.folder.empty() && chdir(input.folder.c_str()) != 0) _exit(127);
  for (const auto& [name, value] : input.environment) setenv(name.c_str(), value.c_str(), 1);
  alarm(input.time_limit);  // execv() keeps it
  execv(program, argv.data());
  _exit(127);
}

}  // namespace

ProcessResult run_process(const std::filesystem::path& program,
                          const std::vector<std::string>& arguments, const ProcessInput& input) {
  const File in = scratch_file();
  const File out = scratch_file();
  const File err = scratch_file();
  std::fwrite(input.input.data(), 1, input.input.size(), in.get());
  std::rewind(in.get());

  std::string name = program.string();
  std::vector<std::string> copies = arguments;
  std::vector<char*> argv = {name.data()};
  for (std::string& argument : copies) argv.push_back(argument.data());
  argv.push_back(nullptr);

  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) become(name.c_str(), argv, input, {in.get(), out.get(), err.get()});
  if (input.kill_after.count() > 0) {
    std::this_thread::sleep_for(input.kill_after);
    kill(child, SIGKILL);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw std::runtime_error("cannot wait for " + name);
  }
  ProcessResult result;
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = contents(out.get());
  result.err = contents(err.get());
  return result;
}

BackgroundProcess::BackgroundProcess(const std::filesystem::path& program,
                                     const std::vector<std::string>& arguments) {
  std::string name = program.string();
  std::vector<std::string> copies = arguments;
  std::vector<char*> argv = {name.data()};
  for (std::string& argument : copies) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ > 0) return;
  const int nowhere = open("/dev/null", O_WRONLY);
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, stream);
  execv(name.c_str(), argv.data());
  _exit(127);
}

void BackgroundProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

namespace {

/// A socket, and an address of the loopback.
struct Loopback {
  explicit Loopback(int port) {
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  ~Loopback() { close(fd); }
  Loopback(const Loopback&) = delete;
  Loopback& operator=(const Loopback&) = delete;
  sockaddr* name() { return reinterpret_cast<sockaddr*>(&address); }

  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  socklen_t size = sizeof address;
};

}  // namespace

int free_port() {
  Loopback any(0);
  bind(any.fd, any.name(), any.size);
  getsockname(any.fd, any.name(), &any.size);
  return ntohs(any.address.sin_port);
}

bool listens(int port) {
  for (int i = 0; i < 500; ++i) {
    Loopback there(port);
    if (connect(there.fd, there.name(), there.size) == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

}  // namespace citer::test
