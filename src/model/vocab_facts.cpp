#include "model/vocab_facts.h"

#include <llama.h>

#include <string_view>

#include <fmt/format.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "citer/error.h"

namespace citer {

namespace {

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

}  // namespace

const std::vector<VocabSample>& vocab_samples() {
  static const std::vector<VocabSample> kSamples = {
      {"spaces and lines", "  two  spaces\n\n\n\tand a tab \r\n    return x  # end   "},
      {"digits", "1234567890 3.14159 1,000,000 2024-01-31 x86_64"},
      {"contractions", "don't WE'LL they've I'M 'tis O'Neil's"},
      {"capitals", "HTTPServer camelCase snake_case ALL CAPS, Mixed-Case"},
      {"accents",
       "na\xC3\xAFve caf\xC3\xA9 e\xCC\x81 \xEF\xAC\x81 \xC2\xBD \xC3\x85ngstr\xC3\xB6m"},
      {"other scripts",
       "\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E \xED\x95\x9C\xEA\xB5\xAD \xD8\xB9\xD8\xB1\xD8\xA8 "
       "\xE0\xA4\xB9\xE0\xA4\xBF \xD0\x9C\xD0\xB8\xD1\x80"},
      {"emoji", "\xF0\x9F\x99\x82\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80"},
      {"punctuation", R"(f(x)=[a+b]*{c}; // "q" \frac{1}{2} $%^&!?... <-> ===)"},
  };
  return kSamples;
}

VocabFacts facts_of(const Vocab& vocab) {
  const llama_vocab* handle = vocab.handle();
  VocabFacts facts{.type = type_name(llama_vocab_type(handle)),
                   .spellings = {},
                   .attributes = {},
                   .ends = {},
                   .end = llama_vocab_eos(handle),
                   .beginning = vocab.beginning(),
                   .adds_beginning = vocab.adds_beginning()};
  for (Token token = 0; token < vocab.size(); ++token) {
    facts.spellings.push_back(valid_utf8(vocab.spelling(token)));
    facts.attributes.push_back(static_cast<std::uint32_t>(llama_vocab_get_attr(handle, token)));
    if (vocab.is_end_of_generation(token)) facts.ends.push_back(token);
  }
  for (const VocabSample& sample : vocab_samples()) {
    std::vector<Token>& tokens = facts.samples.emplace_back();
    try {
      tokens = vocab.tokenize(sample.text, false, false);
    } catch (const InputError&) {  // it has none for it, which is a fact, too
    }
  }
  return facts;
}

std::uint64_t VocabFacts::fingerprint() const {
  std::uint64_t hash = hash64(type);
  const auto add = [&](std::uint64_t value) { hash = mix64(hash + value); };
  for (const std::string& spelling : spellings) add(hash64(spelling));
  for (const std::uint32_t attribute : attributes) add(attribute);
  const auto add_token = [&](Token token) { add(static_cast<std::uint64_t>(token) + 1); };
  for (const Token token : ends) add_token(token);
  add_token(beginning);
  add(adds_beginning ? 1 : 0);
  for (const std::vector<Token>& sample : samples) {
    for (const Token token : sample) add_token(token);
  }
  return hash;
}

}  // namespace citer
