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

Role role_of(const VocabFacts& vocab, Token token) {
  const std::uint32_t attr = vocab.attributes[static_cast<std::size_t>(token)];
  const std::string_view text = vocab.spellings[static_cast<std::size_t>(token)];
  if ((attr & LLAMA_TOKEN_ATTR_UNUSED) != 0 || attr == LLAMA_TOKEN_ATTR_UNDEFINED || text.empty()) {
    return Role::kUnused;
  }
  if ((attr & (LLAMA_TOKEN_ATTR_NORMAL | LLAMA_TOKEN_ATTR_BYTE)) != 0) return Role::kText;
  if (is_unused_name(text)) return Role::kUnused;
  const bool is_control = (attr & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) != 0;
  return is_control || is_bracketed(text) ? Role::kControl : Role::kText;
}

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
  Comparison(const VocabFacts& a, const VocabFacts& b)
      : a_(a), b_(b), common_(std::min(a.size(), b.size())) {}

  VocabMatch run() {
    if (a_.type != b_.type) {
      differ("tokenizer type {} against {}", a_.type, b_.type);
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
    const auto at = static_cast<std::size_t>(token);
    const std::string& ta = a_.spellings[at];
    const std::string& tb = b_.spellings[at];
    const Role role_a = role_of(a_, token);
    const Role role_b = role_of(b_, token);
    const bool is_unused = role_a == Role::kUnused || role_b == Role::kUnused;
    if (is_unused && role_a != Role::kText && role_b != Role::kText) {
      if (ta == tb) return;
      if (++renamed_ == 1) first_renamed_ = fmt::format("{}: '{}' against '{}'", token, ta, tb);
    } else if (ta != tb) {
      differ("token {} is '{}' against '{}'", token, ta, tb);
    } else if (a_.attributes[at] != b_.attributes[at]) {
      differ("token {} ('{}') has attributes {:#x} against {:#x}", token, ta, a_.attributes[at],
             b_.attributes[at]);
    }
  }

  /// The tokens that only the longer one has.
  void compare_rest() {
    const VocabFacts& longer = a_.size() > b_.size() ? a_ : b_;
    int padding = 0;
    std::vector<std::string> added;
    for (Token token = common_; token < longer.size(); ++token) {
      const Role role = role_of(longer, token);
      if (role == Role::kUnused) {
        ++padding;
      } else if (role == Role::kControl) {
        added.push_back(fmt::format("'{}'", longer.spellings[static_cast<std::size_t>(token)]));
      } else {
        differ("{} against {} tokens, and token {} ('{}') is no padding", a_.size(), b_.size(),
               token, longer.spellings[static_cast<std::size_t>(token)]);
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
      const auto ends = [token](const VocabFacts& facts) {
        return std::binary_search(facts.ends.begin(), facts.ends.end(), token);
      };
      if (ends(a_) == ends(b_)) continue;
      differ("token {} ('{}') ends an answer of one model alone (EOS is {} against {})", token,
             a_.spellings[static_cast<std::size_t>(token)], a_.end, b_.end);
    }
  }

  /// What stands before a prompt.
  void compare_beginnings() {
    if (a_.adds_beginning != b_.adds_beginning) {
      differ("a prompt begins with BOS for the {} model alone",
             a_.adds_beginning ? "first" : "second");
    } else if (a_.adds_beginning && a_.beginning != b_.beginning) {
      differ("BOS token {} against {}", a_.beginning, b_.beginning);
    }
  }

  void compare_texts() {
    for (std::size_t i = 0; i < a_.samples.size(); ++i) {
      const std::vector<Token>& ta = a_.samples[i];
      const std::vector<Token>& tb = b_.samples[i];
      if (ta == tb) continue;
      differ("{} become other tokens ({} against {} in a sample)", vocab_samples()[i].name,
             ta.size(), tb.size());
    }
  }

  template <typename... Values>
  void let(fmt::format_string<Values...> text, Values&&... values) {
    harmless_.push_back(fmt::format(text, std::forward<Values>(values)...));
  }

  const VocabFacts& a_;
  const VocabFacts& b_;
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
    for (const VocabSample& probe : vocab_samples()) {
      if (!keeps(*vocab, probe.text)) {
        return fmt::format("the {}'s tokenizer changes {} in a sample", whose, probe.name);
      }
    }
  }
  return slm.end_of_answer() >= 0 ? "" : "the SLM has no token that ends an answer";
}

VocabMatch match_vocabs(const Vocab& a, const Vocab& b) {
  return match_vocab_facts(facts_of(a), facts_of(b));
}

VocabMatch match_vocab_facts(const VocabFacts& a, const VocabFacts& b) {
  return Comparison(a, b).run();
}

}  // namespace citer
