#include "model/vocab.h"

#include <llama.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include <fmt/format.h>

#include "base/utf8.h"
#include "citer/error.h"
#include "model/thinking_tags.h"

namespace citer {

namespace {

std::string token_piece(const llama_vocab* vocab, Token token) {
  std::array<char, 128> buffer{};
  int n = llama_token_to_piece(vocab, token, buffer.data(), buffer.size(), 0, false);
  if (n >= 0) return {buffer.data(), static_cast<std::size_t>(n)};
  std::string piece(static_cast<std::size_t>(-n), '\0');
  n = llama_token_to_piece(vocab, token, piece.data(), -n, 0, false);
  piece.resize(static_cast<std::size_t>(std::max(n, 0)));
  return piece;
}

}  // namespace

Vocab::Vocab(const llama_vocab* vocab) : vocab_(vocab) {
  const int n = llama_vocab_n_tokens(vocab);
  pieces_.reserve(static_cast<std::size_t>(n));
  for (Token token = 0; token < n; ++token) {
    const char* spelled = llama_vocab_get_text(vocab, token);
    pieces_.push_back(is_thinking_tag(spelled) ? spelled : token_piece(vocab, token));
  }
  bytes_.fill(-1);
  for (Token token = n - 1; token >= 0; --token) {
    if (piece(token).size() == 1) bytes_[static_cast<unsigned char>(piece(token)[0])] = token;
  }
}

std::vector<Token> Vocab::tokenize(std::string_view text, bool add_special,
                                   bool parse_special) const {
  std::vector<Token> tokens(text.size() + 8);
  const auto run = [&] {
    try {
      return llama_tokenize(vocab_, text.data(), static_cast<std::int32_t>(text.size()),
                            tokens.data(), static_cast<std::int32_t>(tokens.size()), add_special,
                            parse_special);
    } catch (const std::out_of_range&) {
      throw InputError("the model's vocabulary has no token for a byte of the text");
    }
  };
  int n = run();
  if (n < 0) {
    tokens.resize(static_cast<std::size_t>(-n));
    n = run();
  }
  if (n < 0) throw ResourceError("text too long to tokenize");
  tokens.resize(static_cast<std::size_t>(n));
  return tokens;
}

std::vector<Token> Vocab::continuation(std::string_view text) const {
  std::vector<Token> tokens;
  while (!text.empty()) {
    const std::size_t valid = valid_utf8_length(text);
    const std::vector<Token> part = exact(text.substr(0, valid));
    tokens.insert(tokens.end(), part.begin(), part.end());
    text.remove_prefix(valid);
    if (text.empty()) break;
    tokens.push_back(byte_token(text.front()));
    text.remove_prefix(1);
  }
  return tokens;
}

/// Of valid UTF-8.
std::vector<Token> Vocab::exact(std::string_view text) const {
  if (text.empty()) return {};
  std::vector<Token> tokens = tokenize(text, false, false);
  if (this->text(tokens) == text) return tokens;
  // SentencePiece puts a space before a text: it is put before a line's end, which is taken off.
  tokens = tokenize("\n" + std::string(text), false, false);
  std::string before;
  for (auto token = tokens.begin(); token != tokens.end() && before.size() < 2; ++token) {
    before += piece(*token);
    if (!before.ends_with('\n')) continue;
    tokens.erase(tokens.begin(), token + 1);
    if (this->text(tokens) == text) return tokens;
    break;
  }
  tokens.clear();
  for (const char byte : text) tokens.push_back(byte_token(byte));
  return tokens;
}

Token Vocab::byte_token(char byte) const {
  const auto value = static_cast<unsigned char>(byte);
  if (bytes_[value] >= 0) return bytes_[value];
  throw InputError(fmt::format("the vocabulary has no token for the byte 0x{:02x}", value));
}

std::string Vocab::text(const std::vector<Token>& tokens) const {
  std::string text;
  for (Token token : tokens) text += piece(token);
  return text;
}

std::string Vocab::spelling(Token token) const { return llama_vocab_get_text(vocab_, token); }

bool Vocab::is_end_of_generation(Token token) const { return llama_vocab_is_eog(vocab_, token); }

Token Vocab::beginning() const { return llama_vocab_bos(vocab_); }
bool Vocab::adds_beginning() const { return llama_vocab_get_add_bos(vocab_); }

Token Vocab::end_of_answer() const {
  const Token turn = llama_vocab_eot(vocab_);
  return turn != LLAMA_TOKEN_NULL ? turn : llama_vocab_eos(vocab_);
}

}  // namespace citer
