#pragma once

#include <string>
#include <vector>

#include "model/vocab.h"

namespace citer {

/// How the vocabularies of two models go together.
struct VocabMatch {
  /// What keeps them from being one, a phrase each, by token; empty: nothing.
  std::vector<std::string> differences;
  /// Differences that do not matter, in one phrase: padding, renamed unused tokens, control tokens
  /// that only one has. "": none.
  std::string harmless;

  bool is_pair() const { return differences.empty(); }
  /// The first differences, and how many more there are.
  std::string text() const;
};

/// Compares what a pair relies on: the type, text and attributes of the tokens that can be written,
/// which of them end an answer, what stands before a prompt, and how text becomes tokens (by
/// example).
VocabMatch match_vocabs(const Vocab& a, const Vocab& b);

}  // namespace citer
