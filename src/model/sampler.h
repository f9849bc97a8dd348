#pragma once

#include <span>
#include <vector>

#include "citer/types.h"
#include "model/llama_ptr.h"
#include "model/row.h"
#include "model/vocab.h"

namespace citer {

/// Stands for a token that is not there.
inline constexpr Token kNoToken = -1;

/// Throws UsageError naming the option, its range and the value found.
void check_sampling_options(const SamplingOptions& options);

/// The same for the bias, which speaks of tokens.
void check_token_options(const SamplingOptions& options, const Vocab& vocab);

/// Draws next tokens for one sequence. Stateless but for scratch memory: the token depends on the
/// logits, the context and the address (seed, stream, position) alone, so it does not matter which
/// model evaluated it, when, or how often. Grammars are not its business (decode/constraint.h).
class Sampler {
 public:
  /// `stream` tells sequences apart; the position is the length of the context.
  Sampler(int n_vocab, const SamplingOptions& options, std::uint64_t stream);

  /// The token that follows `context`, given `logits` [n_vocab]; not `without`, where that is one:
  /// with what was drawn before there, the runner-up. With `allowed` [at least n_vocab] it is one
  /// of these, or kNoToken where none of them is left.
  ///
  /// Temperature 0 takes the likeliest token. Otherwise the draw is Gumbel-max: each token that
  /// survives the filters gets noise of its own, addressed by (seed, stream, position, token), and
  /// the largest sum wins. Two models with close distributions then mostly draw the same token
  /// (coupling without communication: Daliri, Musco, Suresh, arXiv 2408.07978).
  Token sample(std::span<const float> logits, std::span<const Token> context,
               Token without = kNoToken, const std::vector<bool>* allowed = nullptr);

  /// The same token, from the likeliest alone where it cannot be another.
  Token sample(const Row& row, std::span<const Token> context, Token without = kNoToken,
               const std::vector<bool>* allowed = nullptr);

  /// Whether draws may need a row's logits, beside its likeliest tokens.
  bool needs_logits() const;

 private:
  bool is_decided_by(const RowStats& stats) const;
  bool edits_logits() const { return penalties_on_ || !options_.logit_bias.empty(); }
  void penalize(std::span<const Token> context);
  Token draw(std::size_t position, bool sorted);

  SamplingOptions options_;
  std::uint64_t stream_;
  bool penalties_on_;
  LlamaSamplerPtr penalties_;
  LlamaSamplerPtr filters_;
  std::vector<llama_token_data> candidates_;
};

}  // namespace citer
