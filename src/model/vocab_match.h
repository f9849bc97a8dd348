#pragma once

#include <string>
#include <vector>

#include "model/vocab.h"
#include "model/vocab_facts.h"

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

/// What keeps two models with different vocabularies from writing one text together, "" for
/// nothing: text must go through both unchanged (by example), and the SLM's must have a token that
/// ends an answer.
std::string text_fault(const Vocab& slm, const Vocab& llm);

/// Compares what a pair relies on: the type, text and attributes of the tokens that can be written,
/// which of them end an answer, what stands before a prompt, and how text becomes tokens (by
/// example).
VocabMatch match_vocabs(const Vocab& a, const Vocab& b);
/// `b`'s samples must be as many as `a`'s.
VocabMatch match_vocab_facts(const VocabFacts& a, const VocabFacts& b);

}  // namespace citer
