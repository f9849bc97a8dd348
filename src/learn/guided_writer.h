#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "citer/types.h"
#include "model/context.h"
#include "model/vocab.h"

namespace citer {

/// A text for a model to go on with, greedily.
struct GuidedJob {
  int source = 0;             ///< sequence whose cache holds the beginning of `tokens`
  std::vector<Token> tokens;  ///< prompt and answer so far
  std::size_t prompt = 0;     ///< so many of them are the prompt
  int max_tokens = 0;         ///< to write at most; 1 or more
  /// What it will probably write in part, such as the answer that it would have written from
  /// another token on.
  std::span<const Token> guide;
};

struct GuidedText {
  std::vector<Token> tokens;  ///< written
  bool is_whole = false;      ///< it has come to its end, and not to max_tokens
  std::string text;           ///< of the answer, from behind the prompt on, without a stop string
  int passes = 0;             ///< of the model
};

/// Greedy decoding that drafts by looking up in the guide what followed its last tokens there
/// (prompt lookup decoding, Saxena 2023): where a continuation comes back to the guide it is
/// verified at the speed of reading. The texts are those of plain greedy decoding. `slots` texts
/// are written at once, in the context's first sequences, whose caches are lost. Throws as
/// Context::forward() does.
std::vector<GuidedText> write_guided(Context& model, const Vocab& vocab, int slots,
                                     const std::vector<std::string>& stop,
                                     std::span<const GuidedJob> jobs);

}  // namespace citer
