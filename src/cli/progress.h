#pragma once

// Progress of long work on stderr.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "citer/progress.h"
#include "serve/progress_page.h"

namespace CLI {
class App;
}

namespace citer::cli {

/// --page, the port of a page that shows progress.
void add_page_flag(CLI::App& app, std::optional<int>& port);

/// A bar with rate and remaining time on a terminal, otherwise a plain line now and then. Nothing
/// is shown for work that is done within a second. One thread at a time.
class ProgressPrinter {
 public:
  /// `page`: the port of a page that shows it, too, and is told on stderr.
  explicit ProgressPrinter(std::optional<int> page = std::nullopt);
  /// Ends the bar's line.
  ~ProgressPrinter();
  ProgressPrinter(const ProgressPrinter&) = delete;
  ProgressPrinter& operator=(const ProgressPrinter&) = delete;

  /// Rate and remaining time count from the first report of a work, so that resumed work is not
  /// credited with what it found done.
  void show(const ProgressReport& report);

  /// A line of its own.
  void print_line(const std::string& line);

  /// Shows here what it is told, and stops at an interrupt. Must not outlive this.
  Watcher watcher();

 private:
  using Clock = std::chrono::steady_clock;
  void begin(const ProgressReport& report);
  void end_bar();
  std::string line(const ProgressReport& report, double elapsed) const;

  std::optional<ProgressPage> page_;
  bool terminal_;
  bool open_ = false;  ///< a bar stands on the current line
  std::string what_;   ///< the work at hand; "": none
  std::int64_t first_done_ = 0;
  Clock::time_point start_;
  Clock::time_point shown_;
};

}  // namespace citer::cli
