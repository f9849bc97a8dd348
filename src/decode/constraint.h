#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "citer/types.h"
#include "grammar/grammar.h"
#include "grammar/matcher.h"
#include "grammar/token_trie.h"
#include "model/sampler.h"
#include "model/vocab.h"

namespace citer {

/// The texts of a vocabulary's tokens. Those that end an answer are left out: it ends where the
/// grammar lets it.
std::shared_ptr<const TokenTrie> make_token_trie(const Vocab& vocab);

/// What an answer's text must match, shared by all answers that must.
struct Constraint {
  std::shared_ptr<const Grammar> grammar;  ///< null: nothing
  std::shared_ptr<const TokenTrie> trie;   ///< of the vocabulary; with a grammar
  const Vocab* vocab = nullptr;            ///< with a grammar; must outlive it
};

/// Draws the tokens of one answer as Sampler does, and keeps them to a grammar where there is one.
class ConstrainedSampler {
 public:
  /// The grammar speaks of what follows `prompt_size` tokens.
  ConstrainedSampler(int n_vocab, const SamplingOptions& options, std::uint64_t stream,
                     Constraint constraint, std::size_t prompt_size);

  /// As Sampler::sample(). The token is drawn freely first, and among those that the grammar allows
  /// only where it forbids that one: checking one token is cheap, checking all is not. Where it
  /// allows none, the token that ends an answer. `context` may have lost tokens since the last call
  /// and got others. Throws GrammarError, and changes nothing, where the grammar takes too much.
  Token sample(const Row& row, std::span<const Token> context, Token without = kNoToken);

  /// As Sampler::needs_logits().
  bool needs_logits() const { return constraint_.grammar || sampler_.needs_logits(); }

  /// Whether the grammar lets nothing follow `context`, of which sample() has seen all but the last
  /// token: the answer ends there.
  bool is_complete(std::span<const Token> context);

 private:
  void follow(std::span<const Token> answer);
  bool allows(Token token);
  void list_allowed();

  Sampler sampler_;
  Constraint constraint_;
  std::size_t prompt_size_;
  std::optional<GrammarMatcher> matcher_;  ///< made with the first draw
  std::vector<Token> followed_;            ///< tokens of the answer that it has followed
  std::vector<std::size_t> sizes_;         ///< its bytes before each of them
  std::vector<bool> allowed_;
};

}  // namespace citer
