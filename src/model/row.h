#pragma once

#include <optional>
#include <span>

#include "citer/row_stats.h"

namespace citer {

/// How rows are wanted, beside their likeliest tokens.
struct RowForm {
  bool sums = true;    ///< log-sum-exp and entropy
  bool logits = true;  ///< the row itself
};

/// One row of a forward pass. Valid until the context's next forward().
struct Row {
  RowStats stats;
  std::span<const float> logits{};  ///< [n_vocab]; empty if not asked for
  std::span<const float> hidden{};  ///< [n_embd], the state the logits come from; likewise
  /// The token behind it, where a server drew it (RowRequest::draw); it is among the likeliest that
  /// are listed here, or the last.
  std::optional<Token> drawn{};

  /// Of a token that is among the likeliest, or of any one where there are logits.
  float logit(Token token) const;
};

/// The log-probability of `token`, and the `top` likeliest. Needs the row's sums, and its logits
/// for a token, or for more tokens, than the likeliest that are listed.
TokenLogprobs logprobs_of(const Row& row, Token token, int top);

}  // namespace citer
