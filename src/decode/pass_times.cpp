#include "decode/pass_times.h"

#include <algorithm>

namespace citer {

namespace {

/// Weight that an observation keeps when the next one comes: the last hundred or so count.
constexpr double kDecay = 0.99;
/// Longer passes run at another speed.
constexpr int kLongestShortPass = 64;

}  // namespace

void PassTimes::saw(int positions, double seconds) {
  const auto n = static_cast<double>(positions);
  if (positions > kLongestShortPass) {
    const double each = seconds / n;
    long_token_ = long_token_ == 0.0 ? each : 0.5 * (long_token_ + each);
    return;
  }
  w_ = kDecay * w_ + 1;
  n_ = kDecay * n_ + n;
  nn_ = kDecay * nn_ + n * n;
  t_ = kDecay * t_ + seconds;
  nt_ = kDecay * nt_ + n * seconds;
  ++passes_;
}

double PassTimes::per_token() const {
  if (passes_ == 0) return 0.0;
  const double variance = nn_ / w_ - n_ / w_ * n_ / w_;
  if (variance < 1e-9) return 0.0;
  return std::max(0.0, (nt_ / w_ - n_ / w_ * t_ / w_) / variance);
}

double PassTimes::tokens_in(double seconds) const {
  if (passes_ == 0) return long_token_ > 0 ? seconds / long_token_ : 0.0;
  const double each = per_token();
  if (each <= 0) return seconds * n_ / t_;
  return std::max(seconds - fixed(), fixed()) / each;
}

double PassTimes::fixed() const {
  return passes_ == 0 ? 0.0 : std::max(0.0, t_ / w_ - per_token() * n_ / w_);
}

}  // namespace citer
