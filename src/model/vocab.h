#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "citer/types.h"

struct llama_vocab;

namespace citer {

/// A model's vocabulary. Lives as long as the Model it belongs to; every method may be called from
/// any thread.
class Vocab {
 public:
  explicit Vocab(const llama_vocab* vocab);

  int size() const { return static_cast<int>(pieces_.size()); }

  /// Text to tokens. `add_special` adds what the model wants around a prompt (BOS); `parse_special`
  /// turns the text of special tokens into those tokens. Throws ResourceError on overflow.
  std::vector<Token> tokenize(std::string_view text, bool add_special, bool parse_special) const;

  /// Tokens whose pieces are exactly this text, as it goes on behind other text: control tokens
  /// that are written out stay text, and no space is put before it. What is no UTF-8, or would be
  /// changed otherwise, becomes a token a byte. Throws InputError where there is none for a byte.
  std::vector<Token> continuation(std::string_view text) const;

  /// A token's bytes; "" for control tokens, but for tags of thinking, which are text in every
  /// vocabulary. Concatenated pieces are the exact text.
  const std::string& piece(Token token) const { return pieces_[static_cast<std::size_t>(token)]; }

  /// Concatenation of the pieces.
  std::string text(const std::vector<Token>& tokens) const;

  /// A token as the vocabulary file spells it.
  std::string spelling(Token token) const;

  bool is_end_of_generation(Token token) const;

  /// The token that ends an answer: end of turn where the model has one, else end of sequence; -1
  /// if it has neither.
  Token end_of_answer() const;

  /// The token that begins a text, -1 if there is none; and whether tokenize() puts it first.
  Token beginning() const;
  bool adds_beginning() const;

  const llama_vocab* handle() const { return vocab_; }

 private:
  std::vector<Token> exact(std::string_view text) const;
  Token byte_token(char byte) const;

  const llama_vocab* vocab_;
  std::vector<std::string> pieces_;
  std::array<Token, 256> bytes_;  ///< the token that is one byte, or -1
};

}  // namespace citer
