#pragma once

#include <span>

#include "citer/types.h"
#include "model/llama_ptr.h"
#include "model/vocab.h"

namespace citer {

/// Stands for a token that is not there.
inline constexpr Token kNoToken = -1;

/// Throws UsageError naming the option, its range and the value found.
void check_sampling_options(const SamplingOptions& options);

/// The same for what speaks of tokens: bias and grammar.
void check_token_options(const SamplingOptions& options, const Vocab& vocab);

/// Draws next tokens for one sequence. Stateless but for scratch memory and where its grammar
/// stands: the token depends on the logits, the context and the address (seed, stream, position)
/// alone, so it does not matter which model evaluated it, when, or how often.
class Sampler {
 public:
  /// `stream` tells sequences apart; the position is the length of the context. A grammar in
  /// `options` is not used before use_grammar().
  Sampler(int n_vocab, const SamplingOptions& options, std::uint64_t stream);

  /// Applies the options' grammar, if there is one, to what follows `prompt_size` tokens. Throws
  /// UsageError when it does not parse.
  void use_grammar(const Vocab& vocab, std::size_t prompt_size);

  /// The token that follows `context`, given `logits` [n_vocab]; not `without`, where that is one:
  /// with what was drawn before there, the runner-up.
  ///
  /// Where a grammar is set, the token is drawn without it first, and among those that it allows
  /// only where it forbids that one: checking one token is cheap, checking all is not.
  ///
  /// Temperature 0 takes the likeliest token. Otherwise the draw is Gumbel-max: each token that
  /// survives the filters gets noise of its own, addressed by (seed, stream, position, token), and
  /// the largest sum wins. Two models with close distributions then mostly draw the same token
  /// (coupling without communication: Daliri, Musco, Suresh, arXiv 2408.07978).
  Token sample(std::span<const float> logits, std::span<const Token> context,
               Token without = kNoToken);

 private:
  Token draw(std::span<const float> logits, std::span<const Token> context, Token without,
             bool with_grammar);
  Token pick(const llama_token_data_array& candidates, std::size_t position) const;
  void advance_grammar(std::span<const Token> context);
  bool grammar_allows(Token token);

  SamplingOptions options_;
  std::uint64_t stream_;
  bool penalties_on_;
  LlamaSamplerPtr penalties_;
  LlamaSamplerPtr filters_;
  LlamaSamplerPtr grammar_;
  const Vocab* vocab_ = nullptr;   ///< the grammar's
  std::size_t prompt_size_ = 0;    ///< the grammar speaks of what follows
  std::vector<Token> in_grammar_;  ///< tokens of the answer that the grammar has accepted
  std::vector<llama_token_data> candidates_;
};

/// The log-probability of `token` by the softmax of `logits` [n_vocab], and the `top` likeliest.
TokenLogprobs logprobs_of(std::span<const float> logits, Token token, int top);

/// Index of the largest value; the first of equals. NaN is never the largest; 0 if there is nothing
/// else, -1 if `values` is empty.
int argmax(std::span<const float> values);

}  // namespace citer
