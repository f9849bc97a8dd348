#include "base/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

namespace citer {

namespace {
constexpr double kBarInterval = 0.1;    // seconds between redraws of a bar
constexpr double kLineInterval = 10.0;  // and between plain lines
constexpr int kBarWidth = 24;
}  // namespace

std::string format_duration(double seconds) {
  const auto s = static_cast<std::int64_t>(std::lround(seconds));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

Progress::Progress(std::string label, std::string unit, std::int64_t total)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (open_) std::fputc('\n', stderr);
}

void Progress::update(std::int64_t done, const std::string& note) {
  if (first_done_ < 0) {
    first_done_ = done;
    start_ = shown_ = Clock::now();
    return;
  }
  const Clock::time_point now = Clock::now();
  const auto since = [&](Clock::time_point t) {
    return std::chrono::duration<double>(now - t).count();
  };
  const bool last = done >= total_ && (open_ || since(start_) > 1.0);
  if (since(shown_) < (terminal_ ? kBarInterval : kLineInterval) && !last) return;
  shown_ = now;
  const std::string text = line(done, note, since(start_));
  fmt::print(stderr, "{}{}{}", terminal_ ? "\r\x1b[K" : "", text, terminal_ ? "" : "\n");
  std::fflush(stderr);
  open_ = terminal_;
}

std::string Progress::line(std::int64_t done, const std::string& note, double elapsed) const {
  const double rate = elapsed > 0 ? static_cast<double>(done - first_done_) / elapsed : 0.0;
  const double share =
      total_ > 0 ? std::min(1.0, static_cast<double>(done) / static_cast<double>(total_)) : 1.0;
  const int filled = static_cast<int>(share * kBarWidth);
  const std::string bar =
      terminal_ ? fmt::format("[{:=<{}}{:<{}}] ", "", filled, "", kBarWidth - filled) : "";
  const std::string left =
      rate > 0 ? format_duration(static_cast<double>(total_ - done) / rate) : "?";
  return fmt::format("{}: {}{}/{} {}, {:.1f}/s, {} left{}{}", label_, bar, done, total_, unit_,
                     rate, left, note.empty() ? "" : ", ", note);
}

}  // namespace citer
