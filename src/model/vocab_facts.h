#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "citer/types.h"
#include "model/vocab.h"

namespace citer {

/// A text whose tokens show a vocabulary's normalisation, pre-tokenizer and merges.
struct VocabSample {
  const char* name;
  const char* text;
};

/// The samples, in the order of VocabFacts::samples.
const std::vector<VocabSample>& vocab_samples();

/// What two models of a pair must agree in, as plain data that can travel.
struct VocabFacts {
  std::string type;                           ///< of the tokenizer: "BPE", "SPM", ...
  std::vector<std::string> spellings;         ///< by token, as the file spells them, valid UTF-8
  std::vector<std::uint32_t> attributes;      ///< by token: libllama's bits
  std::vector<Token> ends;                    ///< tokens that end an answer, rising
  Token end = -1;                             ///< of a sequence
  Token beginning = -1;                       ///< that begins a text; -1: none
  bool adds_beginning = false;                ///< whether a prompt begins with it
  std::vector<std::vector<Token>> samples{};  ///< the tokens of vocab_samples()

  Token size() const { return static_cast<Token>(spellings.size()); }
  /// The same of two vocabularies that agree in everything, padding included.
  std::uint64_t fingerprint() const;
};

VocabFacts facts_of(const Vocab& vocab);

}  // namespace citer
