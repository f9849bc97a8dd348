#include "model/vocab_match.h"

#include <llama.h>

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "citer/error.h"

namespace citer {

namespace {

/// Differences that text() names.
constexpr std::size_t kNamed = 3;

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

/// What a token is there for.
enum class Role {
  kUnused,   ///< nothing: it fills a place
  kControl,  ///< to mark something: it stands for no words
  kText,
};

/// Names that places to be filled later have.
constexpr std::array<std::string_view, 10> kUnusedNames = {
    "[PAD",    "<pad",       "<unused", "[unused",       "<|unused",
    "<|extra", "<extra_id_", "<|dummy", "<|placeholder", "<SPECIAL_"};

bool is_unused_name(std::string_view text) {
  return text.find("reserved") != std::string_view::npos ||
         std::any_of(kUnusedNames.begin(), kUnusedNames.end(),
                     [&](std::string_view name) { return text.starts_with(name); });
}

bool is_bracketed(std::string_view text) {
  return text.size() > 2 && ((text.front() == '<' && text.back() == '>') ||
                             (text.front() == '[' && text.back() == ']'));
}

Role role_of(const llama_vocab* vocab, Token token) {
  const llama_token_attr attr = llama_vocab_get_attr(vocab, token);
  const std::string_view text = llama_vocab_get_text(vocab, token);
  if ((attr & LLAMA_TOKEN_ATTR_UNUSED) != 0 || attr == LLAMA_TOKEN_ATTR_UNDEFINED || text.empty()) {
    return Role::kUnused;
  }
  if ((attr & (LLAMA_TOKEN_ATTR_NORMAL | LLAMA_TOKEN_ATTR_BYTE)) != 0) return Role::kText;
  if (is_unused_name(text)) return Role::kUnused;
  const bool is_control = (attr & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) != 0;
  return is_control || is_bracketed(text) ? Role::kControl : Role::kText;
}

/// Texts whose tokens show a vocabulary's normalisation, pre-tokenizer and merges.
struct Probe {
  const char* name;
  const char* text;
};

constexpr std::array<Probe, 8> kProbes = {{
    {"spaces and lines", "  two  spaces\n\n\n\tand a tab \r\n    return x  # end   "},
    {"digits", "1234567890 3.14159 1,000,000 2024-01-31 x86_64"},
    {"contractions", "don't WE'LL they've I'M 'tis O'Neil's"},
    {"capitals", "HTTPServer camelCase snake_case ALL CAPS, Mixed-Case"},
    {"accents", "na\xC3\xAFve caf\xC3\xA9 e\xCC\x81 \xEF\xAC\x81 \xC2\xBD \xC3\x85ngstr\xC3\xB6m"},
    {"other scripts",
     "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E \xED\x95\x9C\xEA\xB5\xAD \xD8\xB9\xD8\xB1\xD8\xA8 "
     "\xE0\xA4\xB9\xE0\xA4\xBF \xD0\x9C\xD0\xB8\xD1\x80"},
    {"emoji", "\xF0\x9F\x99\x82\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80"},
    {"punctuation", R"(f(x)=[a+b]*{c}; // "q" \frac{1}{2} $%^&!?... <-> ===)"},
}};

/// Whether a text is the same after it has been tokens.
bool keeps(const Vocab& vocab, std::string_view text) {
  try {
    return vocab.text(vocab.continuation(text)) == text;
  } catch (const InputError&) {
    return false;  // a byte has no token
  }
}

class Comparison {
 public:
  Comparison(const Vocab& a, const Vocab& b)
      : a_(a), b_(b), va_(a.handle()), vb_(b.handle()), common_(std::min(a.size(), b.size())) {}

  VocabMatch run() {
    if (llama_vocab_type(va_) != llama_vocab_type(vb_)) {
      differ("tokenizer type {} against {}", type_name(llama_vocab_type(va_)),
             type_name(llama_vocab_type(vb_)));
      return std::move(match_);
    }
    for (Token token = 0; token < common_; ++token) compare(token);
    compare_rest();
    compare_ends();
    compare_beginnings();
    if (match_.is_pair()) compare_texts();
    match_.harmless = fmt::format("{}", fmt::join(harmless_, ", "));
    return std::move(match_);
  }

 private:
  template <typename... Values>
  void differ(fmt::format_string<Values...> text, Values&&... values) {
    match_.differences.push_back(fmt::format(text, std::forward<Values>(values)...));
  }

  void compare(Token token) {
    const std::string ta = a_.spelling(token);
    const std::string tb = b_.spelling(token);
    const Role role_a = role_of(va_, token);
    const Role role_b = role_of(vb_, token);
    const bool is_unused = role_a == Role::kUnused || role_b == Role::kUnused;
    if (is_unused && role_a != Role::kText && role_b != Role::kText) {
      if (ta == tb) return;
      if (++renamed_ == 1) first_renamed_ = fmt::format("{}: '{}' against '{}'", token, ta, tb);
    } else if (ta != tb) {
      differ("token {} is '{}' against '{}'", token, ta, tb);
    } else if (llama_vocab_get_attr(va_, token) != llama_vocab_get_attr(vb_, token)) {
      differ("token {} ('{}') has attributes {:#x} against {:#x}", token, ta,
             static_cast<unsigned>(llama_vocab_get_attr(va_, token)),
             static_cast<unsigned>(llama_vocab_get_attr(vb_, token)));
    }
  }

  /// The tokens that only the longer one has.
  void compare_rest() {
    const Vocab& longer = a_.size() > b_.size() ? a_ : b_;
    int padding = 0;
    std::vector<std::string> added;
    for (Token token = common_; token < longer.size(); ++token) {
      const Role role = role_of(longer.handle(), token);
      if (role == Role::kUnused) {
        ++padding;
      } else if (role == Role::kControl) {
        added.push_back(fmt::format("'{}'", longer.spelling(token)));
      } else {
        differ("{} against {} tokens, and token {} ('{}') is no padding", a_.size(), b_.size(),
               token, longer.spelling(token));
        return;
      }
    }
    if (renamed_ > 0) let("{} unused tokens are renamed ({})", renamed_, first_renamed_);
    if (padding > 0) let("{} tokens of padding", padding);
    if (added.empty()) return;
    const std::size_t shown = std::min(added.size(), kNamed);
    let("{} control tokens that one has alone ({}{})", added.size(),
        fmt::join(added.begin(), added.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
        shown < added.size() ? ", ..." : "");
  }

  /// Which tokens end an answer.
  void compare_ends() {
    for (Token token = 0; token < common_; ++token) {
      if (a_.is_end_of_generation(token) == b_.is_end_of_generation(token)) continue;
      differ("token {} ('{}') ends an answer of one model alone (EOS is {} against {})", token,
             a_.spelling(token), llama_vocab_eos(va_), llama_vocab_eos(vb_));
    }
  }

  /// What stands before a prompt.
  void compare_beginnings() {
    const bool adds_a = llama_vocab_get_add_bos(va_);
    const bool adds_b = llama_vocab_get_add_bos(vb_);
    if (adds_a != adds_b) {
      differ("a prompt begins with BOS for the {} model alone", adds_a ? "first" : "second");
    } else if (adds_a && llama_vocab_bos(va_) != llama_vocab_bos(vb_)) {
      differ("BOS token {} against {}", llama_vocab_bos(va_), llama_vocab_bos(vb_));
    }
  }

  void compare_texts() {
    for (const Probe& probe : kProbes) {
      const std::vector<Token> ta = a_.tokenize(probe.text, false, false);
      const std::vector<Token> tb = b_.tokenize(probe.text, false, false);
      if (ta == tb) continue;
      differ("{} become other tokens ({} against {} in a sample)", probe.name, ta.size(),
             tb.size());
    }
  }

  template <typename... Values>
  void let(fmt::format_string<Values...> text, Values&&... values) {
    harmless_.push_back(fmt::format(text, std::forward<Values>(values)...));
  }

  const Vocab& a_;
  const Vocab& b_;
  const llama_vocab* va_;
  const llama_vocab* vb_;
  Token common_;
  VocabMatch match_;
  std::vector<std::string> harmless_;
  int renamed_ = 0;
  std::string first_renamed_;
};

}  // namespace

std::string VocabMatch::text() const {
  const std::size_t shown = std::min(differences.size(), kNamed);
  std::string text =
      fmt::format("{}", fmt::join(differences.begin(),
                                  differences.begin() + static_cast<std::ptrdiff_t>(shown), "; "));
  if (shown < differences.size()) {
    text += fmt::format("; and {} more", differences.size() - shown);
  }
  return text;
}

std::string text_fault(const Vocab& slm, const Vocab& llm) {
  for (const Vocab* vocab : {&slm, &llm}) {
    const char* whose = vocab == &slm ? "SLM" : "LLM";
    if (llama_vocab_type(vocab->handle()) == LLAMA_VOCAB_TYPE_NONE) {
      return fmt::format("the {} has no tokenizer", whose);
    }
    for (const Probe& probe : kProbes) {
      if (!keeps(*vocab, probe.text)) {
        return fmt::format("the {}'s tokenizer changes {} in a sample", whose, probe.name);
      }
    }
  }
  return slm.end_of_answer() >= 0 ? "" : "the SLM has no token that ends an answer";
}

VocabMatch match_vocabs(const Vocab& a, const Vocab& b) { return Comparison(a, b).run(); }

}  // namespace citer
