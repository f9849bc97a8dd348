#pragma once

// `citer serve` as a process of its own.

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <fmt/format.h>

#include "base/file.h"
#include "serve/server.h"
#include "support/subprocess.h"
#include "support/temp_dir.h"

namespace citer::test {

/// Runs from construction to stop(), on a free port, with the bundled pair and one thread unless
/// `models` says otherwise.
class ServeProgram {
 public:
  explicit ServeProgram(const std::vector<std::string>& flags,
                        const std::vector<std::string>& models = {"-t", "1", "-fa", "off"}) {
    std::vector<std::string> words = {CITER_PROGRAM, "serve", "--port", "0"};
    words.insert(words.end(), models.begin(), models.end());
    words.insert(words.end(), flags.begin(), flags.end());
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string errors = (folder_ / "err").string();
    pid_ = fork();
    if (pid_ == 0) {
      dup2(open(errors.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
      execv(argv[0], argv.data());
      _exit(127);
    }
    const std::string start = "listening on http://127.0.0.1:";
    for (int i = 0; i < 1000 && port_ == 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      const std::string text = err();
      const std::size_t at = text.find(start);
      if (at != std::string::npos && text.find('\n', at) != std::string::npos) {
        port_ = std::stoi(text.substr(at + start.size()));
      }
    }
    EXPECT_NE(port_, 0) << err();
  }
  ~ServeProgram() {
    if (pid_ > 0) stop(SIGKILL);
  }
  ServeProgram(const ServeProgram&) = delete;
  ServeProgram& operator=(const ServeProgram&) = delete;

  httplib::Client client() const { return local_client(port_); }

  void signal(int number) const { kill(pid_, number); }

  /// Sends a signal (0: none), waits for the end and gives the exit status.
  int stop(int number) {
    signal(number);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  /// What it printed on stderr so far.
  std::string err() const {
    return std::filesystem::exists(folder_ / "err") ? read_file(folder_ / "err") : "";
  }

  /// Memory that the process holds, in bytes.
  std::size_t resident_bytes() const {
    const std::string pages = read_file(fmt::format("/proc/{}/statm", pid_));
    return std::stoul(pages.substr(pages.find(' '))) *
           static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  }

 private:
  TempDir folder_;
  pid_t pid_ = -1;
  int port_ = 0;
};

}  // namespace citer::test
