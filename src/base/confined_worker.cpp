#include "base/confined_worker.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"

namespace citer {

namespace {

/// Before each message, both ways.
struct Head {
  std::uint64_t size = 0;
  bool failed = false;  ///< the message is an exception's
};

bool send_all(int socket, const void* bytes, std::size_t size) {
  const auto* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t sent = send(socket, at, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    at += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool receive_all(int socket, void* bytes, std::size_t size) {
  auto* at = static_cast<char*>(bytes);
  while (size > 0) {
    const ssize_t got = recv(socket, at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool send_message(int socket, std::string_view bytes, bool failed = false) {
  const Head head{bytes.size(), failed};
  return send_all(socket, &head, sizeof head) && send_all(socket, bytes.data(), bytes.size());
}

/// The other end is believed in its sizes up to `most`.
bool receive_message(int socket, std::uint64_t most, Head& head, std::string& bytes) {
  if (!receive_all(socket, &head, sizeof head) || head.size > most) return false;
  bytes.resize(head.size);
  return receive_all(socket, bytes.data(), bytes.size());
}

/// Bytes of memory that this process may write to; 0: not known.
std::uint64_t written_memory() {
  // Sizes in pages: all, resident, shared, code, 0, data and stack.
  constexpr const char* kSizes = "/proc/self/statm";
  const FilePtr file(std::fopen(kSizes, "r"));
  std::uint64_t pages = 0;
  if (!file || std::fscanf(file.get(), "%*u %*u %*u %*u %*u %lu", &pages) != 1) return 0;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

/// Bounds what this process, which was just forked, can take, and lets go of what it inherited.
void confine(const Confinement& limits, int socket) {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  if (const std::uint64_t now = written_memory(); now > 0) {
    const rlimit memory{now + limits.memory, now + limits.memory};
    setrlimit(RLIMIT_DATA, &memory);
  }
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGALRM}) std::signal(number, SIG_DFL);
  // Who stops the program stops its own process: this one ends with the other end of its socket.
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, SIG_IGN);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_UNBLOCK, &all, nullptr);
  const auto kept = static_cast<unsigned>(socket);
  if (kept > STDERR_FILENO + 1) close_range(STDERR_FILENO + 1, kept - 1, 0);
  close_range(kept + 1, ~0U, 0);
}

}  // namespace

ConfinedWorker::ConfinedWorker(Work work, Confinement limits)
    : work_(std::move(work)), limits_(limits) {
  start();
}

ConfinedWorker::~ConfinedWorker() {
  if (child_ > 0) end();
}

void ConfinedWorker::start() {
  std::array<int, 2> ends{-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw ResourceError(fmt::format("socketpair: {}", std::strerror(errno)));
  }
  socket_ = Descriptor(ends[0]);
  const Descriptor theirs(ends[1]);
  child_ = fork();
  if (child_ == 0) serve(theirs.get());
  if (child_ < 0) throw ResourceError(fmt::format("fork: {}", std::strerror(errno)));
}

/// The forked process: answers calls until the other end is gone. It bounds its own time, so that
/// it ends even where nobody is left to end it.
void ConfinedWorker::serve(int socket) const {
  confine(limits_, socket);
  Head head;
  std::string input;
  while (receive_message(socket, ~std::uint64_t{0}, head, input)) {
    alarm(limits_.seconds);
    std::string output;
    bool failed = false;
    try {
      output = work_(input);
    } catch (const std::exception& e) {
      output = e.what();
      failed = true;
    }
    if (!send_message(socket, output, failed)) break;
    alarm(0);
  }
  _exit(0);
}

std::string ConfinedWorker::call(std::string_view input) {
  if (child_ < 0) start();
  Head head;
  std::string output;
  if (!send_message(socket_.get(), input) ||
      !receive_message(socket_.get(), limits_.memory, head, output)) {
    throw ResourceError(end());
  }
  if (head.failed) throw Error(output);
  return output;
}

/// Ends the process, and says what ended it.
std::string ConfinedWorker::end() {
  socket_.reset();
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
  const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (number == SIGALRM) return fmt::format("it took longer than {} s", limits_.seconds);
  if (number == SIGSEGV || number == SIGBUS) return "its stack overflowed";
  return fmt::format("it took more than {} MiB, or crashed", limits_.memory >> 20);
}

}  // namespace citer
