#include "model/vocab.h"

#include <llama.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "citer/error.h"

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

const char* type_name(enum llama_vocab_type type) {
  switch (type) {
    case LLAMA_VOCAB_TYPE_NONE:
      return "none";
    case LLAMA_VOCAB_TYPE_SPM:
      return "SPM";
    case LLAMA_VOCAB_TYPE_BPE:
      return "BPE";
    case LLAMA_VOCAB_TYPE_WPM:
      return "WPM";
    case LLAMA_VOCAB_TYPE_UGM:
      return "UGM";
    case LLAMA_VOCAB_TYPE_RWKV:
      return "RWKV";
    default:
      return "other";
  }
}

/// A token that pads a vocabulary to a round size: it stands for no text.
bool is_padding(const llama_vocab* vocab, Token token) {
  const llama_token_attr attr = llama_vocab_get_attr(vocab, token);
  if ((attr & LLAMA_TOKEN_ATTR_UNUSED) != 0 || attr == LLAMA_TOKEN_ATTR_UNDEFINED) return true;
  const std::string_view text = llama_vocab_get_text(vocab, token);
  return text.empty() || text.starts_with("[PAD") || text.starts_with("<pad") ||
         text.starts_with("<|unused");
}

struct SpecialToken {
  const char* name;
  llama_token (*get)(const llama_vocab*);
};

constexpr std::array<SpecialToken, 4> kSpecialTokens = {{
    {"BOS", llama_vocab_bos},
    {"EOS", llama_vocab_eos},
    {"EOT", llama_vocab_eot},
    {"NL", llama_vocab_nl},
}};

}  // namespace

Vocab::Vocab(const llama_vocab* vocab) : vocab_(vocab) {
  const int n = llama_vocab_n_tokens(vocab);
  pieces_.reserve(static_cast<std::size_t>(n));
  for (Token token = 0; token < n; ++token) pieces_.push_back(token_piece(vocab, token));
}

std::vector<Token> Vocab::tokenize(std::string_view text, bool add_special,
                                   bool parse_special) const {
  std::vector<Token> tokens(text.size() + 8);
  const auto run = [&] {
    return llama_tokenize(vocab_, text.data(), static_cast<std::int32_t>(text.size()),
                          tokens.data(), static_cast<std::int32_t>(tokens.size()), add_special,
                          parse_special);
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

std::string Vocab::text(const std::vector<Token>& tokens) const {
  std::string text;
  for (Token token : tokens) text += piece(token);
  return text;
}

std::string Vocab::spelling(Token token) const { return llama_vocab_get_text(vocab_, token); }

bool Vocab::is_end_of_generation(Token token) const { return llama_vocab_is_eog(vocab_, token); }

Token Vocab::end_of_answer() const {
  const Token turn = llama_vocab_eot(vocab_);
  return turn != LLAMA_TOKEN_NULL ? turn : llama_vocab_eos(vocab_);
}

std::optional<std::string> vocab_difference(const Vocab& a, const Vocab& b) {
  const llama_vocab* va = a.handle();
  const llama_vocab* vb = b.handle();
  if (llama_vocab_type(va) != llama_vocab_type(vb)) {
    return fmt::format("tokenizer type {} against {}", type_name(llama_vocab_type(va)),
                       type_name(llama_vocab_type(vb)));
  }
  const int common = std::min(a.size(), b.size());
  for (Token token = 0; token < common; ++token) {
    const std::string ta = a.spelling(token);
    const std::string tb = b.spelling(token);
    if (ta != tb) {
      if (is_padding(va, token) && is_padding(vb, token)) continue;
      return fmt::format("token {} is '{}' against '{}'", token, ta, tb);
    }
    if (llama_vocab_get_attr(va, token) != llama_vocab_get_attr(vb, token)) {
      return fmt::format("token {} ('{}') has attributes {:#x} against {:#x}", token, ta,
                         static_cast<unsigned>(llama_vocab_get_attr(va, token)),
                         static_cast<unsigned>(llama_vocab_get_attr(vb, token)));
    }
  }
  const Vocab& longer = a.size() > b.size() ? a : b;
  for (Token token = common; token < longer.size(); ++token) {
    if (!is_padding(longer.handle(), token)) {
      return fmt::format("{} against {} tokens, and token {} ('{}') is no padding", a.size(),
                         b.size(), token, longer.spelling(token));
    }
  }
  for (const SpecialToken& special : kSpecialTokens) {
    if (special.get(va) != special.get(vb)) {
      return fmt::format("{} token {} against {}", special.name, special.get(va), special.get(vb));
    }
  }
  return std::nullopt;
}

}  // namespace citer
