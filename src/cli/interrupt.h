#pragma once

namespace citer::cli {

/// While it lives, the first Ctrl-C (or SIGTERM) asks the work to stop at the next token; the
/// second ends the program as usual.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  static bool requested();
};

/// Resumable work was stopped by an interrupt; main() ends the program by report_stopped().
struct Interrupted {};

/// Exit status after an interrupt, as shells expect it.
constexpr int kExitInterrupted = 130;

/// Says that resumable work was stopped; returns kExitInterrupted.
int report_stopped();

}  // namespace citer::cli
