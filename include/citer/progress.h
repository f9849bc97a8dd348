#pragma once

// How somebody follows long work, and ends it.

#include <cstdint>
#include <functional>
#include <string>

namespace citer {

/// How far a piece of work is.
struct ProgressReport {
  std::string what{};      ///< the work: "collect", "calibrate", "eval"
  std::string unit{};      ///< what is counted, in the plural: "examples"
  std::int64_t done = 0;   ///< of the total; the first report has what an earlier run left done
  std::int64_t total = 0;  ///< may be 0
  std::string note{};      ///< what is done at the moment; may be empty
};

/// Who watches training or evaluation. Every field may be empty.
struct Watcher {
  /// Called as work goes on, by one thread at a time, but not always by the caller's.
  std::function<void(const ProgressReport&)> on_progress{};
  /// A line about each step that was done, such as an epoch. Called by the caller's thread.
  std::function<void(const std::string&)> on_note{};
  /// True ends the work soon; what was finished is kept, and the same call goes on from there. Any
  /// thread may ask it, several at once.
  std::function<bool()> should_stop{};

  void report(const ProgressReport& progress) const {
    if (on_progress) on_progress(progress);
  }
  void note(const std::string& line) const {
    if (on_note) on_note(line);
  }
  bool wants_stop() const { return should_stop && should_stop(); }
};

}  // namespace citer
