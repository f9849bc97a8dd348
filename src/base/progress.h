#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace citer {

/// Progress of long work on stderr: a bar with rate and remaining time on a terminal, otherwise a
/// plain line now and then. Nothing is shown for work that is done within a second.
class Progress {
 public:
  /// `unit` names what is counted, in the plural ("prompts").
  Progress(std::string label, std::string unit, std::int64_t total);
  /// Ends the bar's line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of the total are finished; `note` is shown at the end of the line. Rate and remaining
  /// time count from the first call, so that resumed work is not credited with what it found done.
  void update(std::int64_t done, const std::string& note = "");

 private:
  using Clock = std::chrono::steady_clock;
  std::string line(std::int64_t done, const std::string& note, double elapsed) const;

  std::string label_;
  std::string unit_;
  std::int64_t total_;
  std::int64_t first_done_ = -1;
  bool terminal_;
  bool open_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_ = start_;
};

/// "1:02:03" or "2:03".
std::string format_duration(double seconds);

}  // namespace citer
