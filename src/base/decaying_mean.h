#pragma once

namespace citer {

/// Mean of what was seen, in which an observation counts the less the longer ago it was made.
class DecayingMean {
 public:
  /// About so many observations count.
  explicit DecayingMean(double horizon) : keep_(1 - 1 / horizon) {}

  void saw(double value) {
    weight_ = keep_ * weight_ + 1;
    sum_ = keep_ * sum_ + value;
  }
  /// How many observations it stands for.
  double weight() const { return weight_; }
  double sum() const { return sum_; }
  /// `unknown` while nothing was seen.
  double value_or(double unknown) const { return weight_ > 0 ? sum_ / weight_ : unknown; }

 private:
  double keep_;
  double weight_ = 0.0;
  double sum_ = 0.0;
};

}  // namespace citer
