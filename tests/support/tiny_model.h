#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "ggml.h"

namespace citer::test {

/// Shape, vocabulary and metadata of a random-weight llama-architecture model. The vocabulary is
/// byte-level BPE (pre-tokenizer llama-bpe): 3 specials (bos 0, eos 1, pad 2), 256 bytes, some 40
/// words, then `n_extra_tokens`. Any UTF-8 text round-trips.
struct TinyModelOptions {
  int n_embd = 32;
  int n_layer = 2;
  int n_head = 2;
  int n_head_kv = 2;
  /// Size of a head; 0: n_embd / n_head. Otherwise written as key_length and value_length.
  int head_dim = 0;
  int n_ff = 96;
  int n_ctx = 512;
  float rope_base = 10000.0F;
  float rms_eps = 1e-5F;

  /// Tokens "<|extra_0|>", ... of type UNUSED at the end, as real models pad their vocabulary.
  int n_extra_tokens = 0;
  /// Other texts for some ids, to make two vocabularies differ.
  std::map<int, std::string> token_texts;
  /// Merges of two tokens' bytes each, before the one that is always there ("?\n"); the tokens they
  /// give follow the words.
  std::vector<std::pair<std::string, std::string>> merges;
  bool add_bos = true;
  /// tokenizer.chat_template; empty: none.
  std::string chat_template;
  std::string name = "tiny";

  /// The output matrix is the token embedding (no output.weight), as in many small real models.
  bool tied = false;
  /// Biases on q, k and v, as in Qwen-like models exported as llama.
  bool qkv_bias = false;
  /// rope_freqs.weight, as in Llama 3 models.
  bool rope_factors = false;

  /// Storage of the matrices (row lengths must be multiples of its block size).
  ggml_type type = GGML_TYPE_F32;
  /// Same seed and options: the same weights (to the last digit of the machine's log and cos).
  std::uint64_t seed = 1;
  /// Standard deviation of the logits, roughly. Large enough that greedy text is not a near-tie.
  float logit_scale = 4.0F;
};

inline constexpr int kTinyBos = 0;
inline constexpr int kTinyEos = 1;
inline constexpr int kTinyPad = 2;
/// Token id of byte `b`.
constexpr int tiny_byte_token(unsigned char b) { return 3 + b; }

/// Number of tokens of a model made with these options.
int tiny_vocab_size(const TinyModelOptions& options = {});

/// Writes the model. Throws ResourceError when that fails.
void write_tiny_model(const std::filesystem::path& path, const TinyModelOptions& options = {});

}  // namespace citer::test
