#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "decode/decoder.h"
#include "model/model.h"
#include "support/architectures.h"
#include "support/odd_models.h"
#include "support/temp_dir.h"

namespace citer::test {

/// Two tiny models on disk that share a vocabulary and agree on most, but not all, next tokens.
class TinyPairFiles {
 public:
  explicit TinyPairFiles(const TinyModelOptions& options = {}, float noise = 0.15F) {
    TinyModelOptions seeded = options;
    seeded.seed = 31;
    write_tiny_model(llm(), seeded);
    write_close_model(llm(), slm(), noise);
  }
  /// Of another architecture (support/architectures.h).
  explicit TinyPairFiles(const char* architecture) {
    write_architecture(llm(), architecture, 31);
    write_close_model(llm(), slm(), 0.15F);
  }

  std::filesystem::path slm() const { return folder_ / "slm.gguf"; }
  std::filesystem::path llm() const { return folder_ / "llm.gguf"; }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

 private:
  TempDir folder_;
};

inline std::shared_ptr<Model> load_exact(const std::filesystem::path& path) {
  ModelOptions options;
  options.path = path.string();
  options.devices = "none";
  options.cache_type_k = options.cache_type_v = "f32";
  return Model::load(options);
}

/// Both models in memory, with contexts and a decoder.
struct TinyPair {
  TinyPair(const std::filesystem::path& slm_path, const std::filesystem::path& llm_path,
           const ContextOptions& options, bool overlap = false, bool by_text = false)
      : slm(load_exact(slm_path), exact(options)),
        llm(load_exact(llm_path), exact(options)),
        decoder(slm, llm, slm.sequences(), overlap, by_text) {}
  TinyPair(const TinyPairFiles& files, const ContextOptions& options, bool overlap = false)
      : TinyPair(files.slm(), files.llm(), options, overlap) {}

  static ContextOptions exact(ContextOptions options) {
    options.flash_attention = "off";
    return options;
  }

  ModelContext slm;
  ModelContext llm;
  Decoder decoder;
};

/// `n` prompts of different lengths, each of words and bytes.
inline std::vector<std::vector<Token>> random_prompts(int n, std::uint64_t seed = 1) {
  Rng rng(seed);
  std::vector<std::vector<Token>> prompts(static_cast<std::size_t>(n));
  for (std::vector<Token>& prompt : prompts) {
    prompt.push_back(kTinyBos);
    const std::int64_t length = rng.uniform(3, 20);
    for (std::int64_t i = 0; i < length; ++i) {
      prompt.push_back(static_cast<Token>(rng.uniform(3, tiny_vocab_size() - 1)));
    }
  }
  return prompts;
}

inline DecodeRequest make_request(std::vector<Token> prompt, const std::string& policy,
                                  double threshold, int max_tokens) {
  DecodeRequest request;
  request.prompt = std::move(prompt);
  request.policy = make_policy(policy);
  request.threshold = threshold;
  request.max_tokens = max_tokens;
  request.ignore_eog = true;
  return request;
}

/// Runs one request alone to its end, in slot 0.
inline Sequence run_alone(TinyPair& pair, DecodeRequest request) {
  pair.decoder.start(0, std::move(request));
  while (!pair.decoder.at(0).finish) pair.decoder.step();
  return pair.decoder.release(0);
}

inline std::vector<Token> written_tokens(const Sequence& sequence) {
  const auto start = static_cast<std::ptrdiff_t>(sequence.request.prompt.size());
  return {sequence.tokens.begin() + start, sequence.tokens.end()};
}

}  // namespace citer::test
