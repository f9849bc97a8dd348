#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "citer/types.h"

namespace citer {

struct TokenLogit {
  Token id = 0;
  float logit = 0.0F;
};

/// Tokens that RowStats lists.
inline constexpr std::size_t kLikeliest = 64;

/// What is read of a row of next-token logits in place of the row, which is long.
struct RowStats {
  std::size_t n_vocab = 0;
  /// Falling; of equals the smaller id first. The first kLikeliest, or all tokens there are.
  std::span<const TokenLogit> likeliest{};
  /// log sum exp(logit - largest) over all tokens; not a number unless it was asked for.
  double log_sum = std::numeric_limits<double>::quiet_NaN();
  /// Of softmax(logits), in nats; likewise.
  double entropy = std::numeric_limits<double>::quiet_NaN();

  /// Log-probability of a token by its logit.
  double logprob(float logit) const {
    return double{logit} - double{likeliest.front().logit} - log_sum;
  }
  /// Probability of the i-th likeliest token; 0 where there is none.
  double probability(std::size_t i) const {
    return i < likeliest.size() ? std::exp(logprob(likeliest[i].logit)) : 0.0;
  }
};

}  // namespace citer
