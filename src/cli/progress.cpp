#include "cli/progress.h"

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "cli/interrupt.h"

namespace citer::cli {

namespace {

constexpr double kBarInterval = 0.1;    // seconds between redraws of a bar
constexpr double kLineInterval = 10.0;  // and between plain lines
constexpr int kBarWidth = 24;

/// "1:02:03" or "2:03".
std::string duration_text(double seconds) {
  const auto s = static_cast<std::int64_t>(std::lround(seconds));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

/// "2.5/s", or "2.5/min" where it takes longer.
std::string rate_text(double per_second) {
  const bool is_slow = per_second > 0 && per_second < 0.5;
  return fmt::format("{:.1f}/{}", is_slow ? 60 * per_second : per_second, is_slow ? "min" : "s");
}

}  // namespace

void add_page_flag(CLI::App& app, std::optional<int>& port) {
  app.add_option("--page", port,
                 "Port of a page on this machine that shows progress; 0: a free one")
      ->check(CLI::Range(0, 65535));
}

ProgressPrinter::ProgressPrinter(std::optional<int> page) : terminal_(isatty(STDERR_FILENO) != 0) {
  if (!page) return;
  page_.emplace(*page);
  fmt::print(stderr, "progress at {}\n", page_->url());
}

ProgressPrinter::~ProgressPrinter() { end_bar(); }

void ProgressPrinter::begin(const ProgressReport& report) {
  end_bar();
  what_ = report.what;
  first_done_ = report.done;
  start_ = shown_ = Clock::now();
}

void ProgressPrinter::end_bar() {
  if (open_) std::fputc('\n', stderr);
  open_ = false;
  what_.clear();
}

void ProgressPrinter::show(const ProgressReport& report) {
  if (report.what != what_) return begin(report);
  const Clock::time_point now = Clock::now();
  const auto since = [&](Clock::time_point t) {
    return std::chrono::duration<double>(now - t).count();
  };
  const bool last = report.done >= report.total && (open_ || since(start_) > 1.0);
  if (since(shown_) < (terminal_ ? kBarInterval : kLineInterval) && !last) return;
  shown_ = now;
  const std::string text = line(report, since(start_));
  fmt::print(stderr, "{}{}{}", terminal_ ? "\r\x1b[K" : "", text, terminal_ ? "" : "\n");
  std::fflush(stderr);
  open_ = terminal_;
  if (last) end_bar();
}

void ProgressPrinter::print_line(const std::string& line) {
  end_bar();
  fmt::print(stderr, "{}\n", line);
}

Watcher ProgressPrinter::watcher() {
  Watcher printed{.on_progress = [this](const ProgressReport& report) { show(report); },
                  .on_note = [this](const std::string& line) { print_line(line); },
                  .should_stop = InterruptGuard::requested};
  return page_ ? page_->beside(std::move(printed)) : printed;
}

std::string ProgressPrinter::line(const ProgressReport& report, double elapsed) const {
  const auto done = static_cast<double>(report.done);
  const auto total = static_cast<double>(report.total);
  const double rate = elapsed > 0 ? static_cast<double>(report.done - first_done_) / elapsed : 0.0;
  const int filled = static_cast<int>((total > 0 ? std::min(1.0, done / total) : 1.0) * kBarWidth);
  const std::string bar =
      terminal_ ? fmt::format("[{:=<{}}{:<{}}] ", "", filled, "", kBarWidth - filled) : "";
  const std::string left = rate > 0 ? duration_text((total - done) / rate) : "?";
  return fmt::format("{}: {}{}/{} {}, {}, {} left{}{}", report.what, bar, report.done, report.total,
                     report.unit, rate_text(rate), left, report.note.empty() ? "" : ", ",
                     report.note);
}

}  // namespace citer::cli
