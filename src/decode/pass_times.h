#pragma once

#include <cstdint>

namespace citer {

/// How long a model's passes take, learned from those it makes: a pass over n tokens takes
/// fixed() + n x per_token() seconds (a decaying least-squares line through the short ones), and
/// the tokens of long ones, prefills, long_token() each. Not thread-safe.
class PassTimes {
 public:
  void saw(int positions, double seconds);

  /// Whether enough short passes were seen for the line to be trusted.
  bool is_known() const { return passes_ >= kEnough; }
  double fixed() const;
  double per_token() const;
  double at(double positions) const { return fixed() + per_token() * positions; }
  /// 0 while no long pass was seen.
  double long_token() const { return long_token_; }

 private:
  static constexpr std::int64_t kEnough = 16;

  /// Decaying sums over short passes: weight, n, n^2, t, n t.
  double w_ = 0.0, n_ = 0.0, nn_ = 0.0, t_ = 0.0, nt_ = 0.0;
  std::int64_t passes_ = 0;
  double long_token_ = 0.0;
};

}  // namespace citer
