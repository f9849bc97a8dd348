#pragma once

#include <span>

#include "citer/types.h"
#include "model/llama_ptr.h"

namespace citer {

/// Throws UsageError naming the option, its range and the value found.
void check_sampling_options(const SamplingOptions& options);

/// Draws next tokens for one sequence. Stateless but for scratch memory: the token depends on the
/// logits, the context and the address (seed, stream, position) alone, so it does not matter which
/// model evaluated it, when, or how often.
class Sampler {
 public:
  /// `stream` tells sequences apart; the position is the length of the context.
  Sampler(int n_vocab, const SamplingOptions& options, std::uint64_t stream);

  /// The token that follows `context`, given `logits` [n_vocab].
  ///
  /// Temperature 0 takes the likeliest token. Otherwise the draw is Gumbel-max: each token that
  /// survives the filters gets noise of its own, addressed by (seed, stream, position, token), and
  /// the largest sum wins. Two models with close distributions then mostly draw the same token
  /// (coupling without communication: Daliri, Musco, Suresh, arXiv 2408.07978).
  Token sample(std::span<const float> logits, std::span<const Token> context);

 private:
  Token draw(const llama_token_data_array& candidates, std::size_t position) const;

  SamplingOptions options_;
  std::uint64_t stream_;
  bool penalties_on_;
  LlamaSamplerPtr penalties_;
  LlamaSamplerPtr filters_;
  std::vector<llama_token_data> candidates_;
};

/// Index of the largest value; the first of equals. NaN is never the largest; 0 if there is nothing
/// else, -1 if `values` is empty.
int argmax(std::span<const float> values);

}  // namespace citer
