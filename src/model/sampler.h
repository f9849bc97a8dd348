#pragma once

#include <span>
#include <vector>

#include "citer/types.h"
#include "model/llama_ptr.h"
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

 private:
  void penalize(llama_token_data_array& candidates, std::span<const Token> context);
  Token pick(const llama_token_data_array& candidates, std::size_t position) const;

  SamplingOptions options_;
  std::uint64_t stream_;
  bool penalties_on_;
  LlamaSamplerPtr penalties_;
  LlamaSamplerPtr filters_;
  std::vector<llama_token_data> candidates_;
};

/// The log-probability of `token` by the softmax of `logits` [n_vocab], and the `top` likeliest.
TokenLogprobs logprobs_of(std::span<const float> logits, Token token, int top);

/// Index of the largest value; the first of equals. NaN is never the largest; 0 if there is nothing
/// else, -1 if `values` is empty.
int argmax(std::span<const float> values);

}  // namespace citer
