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
  /// How many tokens a pass of about so many seconds reads, but no fewer than make it worth its
  /// fixed time twice over. 0 while nothing is known.
  double tokens_in(double seconds) const;
  /// Of a long pass; while none was seen, per_token().
  double long_token() const { return long_token_ > 0 ? long_token_ : per_token(); }

 private:
  static constexpr std::int64_t kEnough = 16;

  /// Decaying sums over short passes: weight, n, n^2, t, n t.
  double w_ = 0.0, n_ = 0.0, nn_ = 0.0, t_ = 0.0, nt_ = 0.0;
  std::int64_t passes_ = 0;
  double long_token_ = 0.0;
};

}  // namespace citer
