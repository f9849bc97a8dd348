#include "decode/thread_tuner.h"

#include <algorithm>

namespace citer {

namespace {

/// Passes from one trial to the next.
constexpr int kRarest = 256;
/// Beside the present pace. Times of single passes scatter.
constexpr double kFaster = 0.8;
constexpr int kAgreeing = 2;
/// Beside what was expected.
constexpr double kSlow = 1.3;
constexpr int kSlowPasses = 3;

}  // namespace

/// The median of the last three.
double ThreadTuner::pace() const {
  const auto& [a, b, c] = paces_;
  return std::max(std::min(a, b), std::min(std::max(a, b), c));
}

ThreadTuner::Verdict ThreadTuner::saw(double seconds, double expected) {
  if (most_ <= 1 || expected <= 0) return {.counts = trial_ == 0};
  const double beside = seconds / expected;
  if (trial_ == 0) {
    watch(beside);
    return {};
  }
  if (beside > kFaster * pace()) {
    trial_ = 0;
    interval_ = std::min(kRarest, 2 * interval_);
    until_trial_ = interval_;
    return {.counts = false};
  }
  if (++faster_ < kAgreeing) return {.counts = false};
  chosen_ = trial_;
  trial_ = 0;
  interval_ = until_trial_ = kSoonest;
  paces_.fill(1.0);
  return {.is_new = true, .scale = beside};
}

void ThreadTuner::try_soon() {
  interval_ = kSoonest;
  until_trial_ = 1;
}

/// A pass with the chosen number.
void ThreadTuner::watch(double beside) {
  paces_[seen_++ % paces_.size()] = beside;
  slow_ = std::max(0, slow_ + (beside > kSlow ? 1 : -1));
  if (slow_ >= kSlowPasses) {
    slow_ = 0;
    interval_ = kSoonest;
    up_ = true;  // fewer are tried
    begin_trial();
  } else if (--until_trial_ <= 0) {
    begin_trial();
  }
}

/// Of more and of fewer in turn, as far as there are.
void ThreadTuner::begin_trial() {
  up_ = chosen_ == 1 || (chosen_ < most_ && !up_);
  trial_ = up_ ? std::min(most_, 2 * chosen_) : chosen_ / 2;
  faster_ = 0;
}

}  // namespace citer
