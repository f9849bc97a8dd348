#pragma once

#include <span>
#include <vector>

#include "citer/row_stats.h"

namespace citer {

/// Reads rows of logits on a CPU: one vectorised pass finds the largest value of each block,
/// another sums exponentials where it is asked to, and the likeliest tokens are sought in the
/// blocks that can hold one. One thread at a time.
class RowReader {
 public:
  /// The row's likeliest tokens go to the first places of `likeliest`, which the result views. What
  /// is not a number is no token. Sums are exact up to float rounding of the exponentials.
  RowStats read(std::span<const float> logits, bool sums, std::span<TokenLogit> likeliest);

 private:
  std::span<const TokenLogit> list(std::span<const float> logits, std::span<TokenLogit> likeliest);

  std::vector<float> largest_;  ///< of each block
  std::vector<float> order_;    ///< scratch
  std::vector<TokenLogit> candidates_;
};

}  // namespace citer
