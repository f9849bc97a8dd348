#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/vocab.h"

namespace citer {

/// The control tokens of a vocabulary, and how their spellings stay text in what a stranger wrote:
/// a template puts its own control tokens around it, and the tokenizer could not tell the two
/// apart.
class ControlTokens {
 public:
  /// `vocab` must outlive it.
  explicit ControlTokens(const Vocab& vocab);

  /// `text` with a mark within each spelling of a control token.
  std::string marked(std::string text) const;
  /// As it was before it was marked.
  static std::string unmarked(std::string_view text);

  /// A prompt's tokens: spellings are control tokens, but for marked ones. Throws as
  /// Vocab::tokenize() does.
  std::vector<Token> tokenize(std::string_view text) const;

 private:
  /// Where spellings begin and end, in order, none within another.
  std::vector<std::pair<std::size_t, std::size_t>> find_all(std::string_view text) const;

  const Vocab& vocab_;
  std::vector<std::string> spellings_;
};

}  // namespace citer
