#include "support/tiny_model.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/rng.h"
#include "citer/error.h"
#include "support/model_writer.h"

namespace citer::test {

namespace {

// Token types of tokenizer.ggml.token_type (llama.h, enum llama_token_type).
constexpr std::int32_t kNormal = 1;
constexpr std::int32_t kControl = 3;
constexpr std::int32_t kUnused = 5;

constexpr std::string_view kWords[] = {
    "the", " the", " a",    " of",   " and",   " to",    " in",   " is",   " was",      " he",
    " it", " for", " on",   " with", " as",    " small", " one",  " two",  " three",    " red",
    "In",  "The",  " tree", " bird", " river", " has",   " had",  " sees", " goes",     " then",
    " so", " not", " says", " more", " less",  " how",   " many", "user",  "assistant", "system"};

std::string code_point(int c) {  // below U+0800
  if (c < 0x80) return {static_cast<char>(c)};
  return {static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
}

/// GPT-2's printable stand-in for a byte (bytes_to_unicode in OpenAI's encoder.py).
std::string printable(unsigned char byte) {
  const auto is_printable = [](int b) {
    return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
  };
  if (is_printable(byte)) return code_point(byte);
  int shifted = 256;
  for (int b = 0; b < byte; ++b) shifted += is_printable(b) ? 0 : 1;
  return code_point(shifted);
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) out += printable(static_cast<unsigned char>(c));
  return out;
}

struct Vocabulary {
  std::vector<std::string> texts;
  std::vector<std::int32_t> types;
};

Vocabulary make_vocabulary(const TinyModelOptions& options) {
  Vocabulary vocabulary;
  const auto add = [&](std::string text, std::int32_t type) {
    vocabulary.texts.push_back(std::move(text));
    vocabulary.types.push_back(type);
  };
  for (const char* special : {"<|begin|>", "<|end|>", "<|pad|>"}) add(special, kControl);
  for (int b = 0; b < 256; ++b) add(printable(static_cast<unsigned char>(b)), kNormal);
  for (const std::string_view word : kWords) add(printable(word), kNormal);
  // The result of every merge must be a token, or its bytes get lost.
  for (const auto& [left, right] : options.merges) {
    const std::string merged = printable(left + right);
    const bool is_there = std::find(vocabulary.texts.begin(), vocabulary.texts.end(), merged) !=
                          vocabulary.texts.end();
    if (!is_there) add(merged, kNormal);
  }
  add(printable("?\n"), kNormal);
  for (int i = 0; i < options.n_extra_tokens; ++i) add(fmt::format("<|extra_{}|>", i), kUnused);
  for (const auto& [id, text] : options.token_texts) vocabulary.texts.at(id) = text;
  return vocabulary;
}

/// The GGUF under construction and the weights in it.
class TinyModelWriter {
 public:
  explicit TinyModelWriter(const TinyModelOptions& options)
      : options_(options), vocabulary_(make_vocabulary(options)), rng_(options.seed) {
    gguf_.reset(gguf_init_empty());
    ggml_.reset(ggml_init({weight_bytes(), nullptr, /*no_alloc=*/false}));
    if (!ggml_) throw ResourceError("tiny model: out of memory");
  }

  void write(const std::filesystem::path& path) {
    set_hyperparameters();
    set_tokenizer();
    add_tensors();
    if (!gguf_write_to_file(gguf_.get(), path.c_str(), /*only_meta=*/false)) {
      throw ResourceError(fmt::format("{}: cannot write", path.string()));
    }
  }

 private:
  [[nodiscard]] int head_dim() const {
    return options_.head_dim != 0 ? options_.head_dim : options_.n_embd / options_.n_head;
  }
  [[nodiscard]] int n_vocab() const { return static_cast<int>(vocabulary_.texts.size()); }

  [[nodiscard]] std::size_t weight_bytes() const {
    const std::size_t d = options_.n_embd;
    const std::size_t heads = 2 * head_dim() * (options_.n_head + options_.n_head_kv);
    const std::size_t per_layer = d * (heads + 3 * options_.n_ff + 16) + heads;
    const std::size_t weights = options_.n_layer * per_layer + d * (2 * n_vocab() + 4);
    const std::size_t tensors = 16 * options_.n_layer + 8;
    return sizeof(float) * weights + tensors * (ggml_tensor_overhead() + 64);
  }

  void set(const char* key, int value) { gguf_set_val_u32(gguf_.get(), key, value); }

  void set_hyperparameters() {
    gguf_context* g = gguf_.get();
    gguf_set_val_str(g, "general.architecture", "llama");
    gguf_set_val_str(g, "general.name", options_.name.c_str());
    set("general.file_type", 0);
    set("llama.vocab_size", n_vocab());
    set("llama.context_length", options_.n_ctx);
    set("llama.embedding_length", options_.n_embd);
    set("llama.block_count", options_.n_layer);
    set("llama.feed_forward_length", options_.n_ff);
    set("llama.attention.head_count", options_.n_head);
    set("llama.attention.head_count_kv", options_.n_head_kv);
    if (options_.head_dim != 0) {
      set("llama.attention.key_length", options_.head_dim);
      set("llama.attention.value_length", options_.head_dim);
    }
    set("llama.rope.dimension_count", head_dim());
    gguf_set_val_f32(g, "llama.rope.freq_base", options_.rope_base);
    gguf_set_val_f32(g, "llama.attention.layer_norm_rms_epsilon", options_.rms_eps);
  }

  void set_tokenizer() {
    gguf_context* g = gguf_.get();
    gguf_set_val_str(g, "tokenizer.ggml.model", "gpt2");
    gguf_set_val_str(g, "tokenizer.ggml.pre", "llama-bpe");
    std::vector<const char*> texts;
    for (const std::string& text : vocabulary_.texts) texts.push_back(text.c_str());
    gguf_set_arr_str(g, "tokenizer.ggml.tokens", texts.data(), texts.size());
    gguf_set_arr_data(g, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, vocabulary_.types.data(),
                      vocabulary_.types.size());
    std::vector<std::string> merges;
    for (const auto& [left, right] : options_.merges) {
      merges.push_back(printable(left) + " " + printable(right));
    }
    merges.push_back("? " + printable("\n"));  // libllama wants at least one
    std::vector<const char*> merge_texts;
    for (const std::string& merge : merges) merge_texts.push_back(merge.c_str());
    gguf_set_arr_str(g, "tokenizer.ggml.merges", merge_texts.data(), merge_texts.size());
    set("tokenizer.ggml.bos_token_id", kTinyBos);
    set("tokenizer.ggml.eos_token_id", kTinyEos);
    set("tokenizer.ggml.padding_token_id", kTinyPad);
    gguf_set_val_bool(g, "tokenizer.ggml.add_bos_token", options_.add_bos);
    gguf_set_val_bool(g, "tokenizer.ggml.add_eos_token", false);
    if (!options_.chat_template.empty()) {
      gguf_set_val_str(g, "tokenizer.chat_template", options_.chat_template.c_str());
    }
  }

  void add_tensors() {
    const int d = options_.n_embd;
    const int q = head_dim() * options_.n_head;
    const int kv = head_dim() * options_.n_head_kv;
    add_matrix("token_embd.weight", d, n_vocab(), options_.tied ? output_deviation() : 1.0F);
    if (options_.rope_factors) add_vector("rope_freqs.weight", head_dim() / 2, 1.0F, 4.0F);
    for (int i = 0; i < options_.n_layer; ++i) {
      const std::string block = fmt::format("blk.{}.", i);
      add_vector(block + "attn_norm.weight", d, 0.5F, 1.5F);
      add_matrix(block + "attn_q.weight", d, q);
      add_matrix(block + "attn_k.weight", d, kv);
      add_matrix(block + "attn_v.weight", d, kv);
      if (options_.qkv_bias) {
        add_vector(block + "attn_q.bias", q, -0.5F, 0.5F);
        add_vector(block + "attn_k.bias", kv, -0.5F, 0.5F);
        add_vector(block + "attn_v.bias", kv, -0.5F, 0.5F);
      }
      add_matrix(block + "attn_output.weight", q, d);
      add_vector(block + "ffn_norm.weight", d, 0.5F, 1.5F);
      add_matrix(block + "ffn_gate.weight", d, options_.n_ff);
      add_matrix(block + "ffn_up.weight", d, options_.n_ff);
      add_matrix(block + "ffn_down.weight", options_.n_ff, d);
    }
    add_vector("output_norm.weight", d, 0.5F, 1.5F);
    if (!options_.tied) add_matrix("output.weight", d, n_vocab(), output_deviation());
  }

  /// The final norm gives values of size one, so this makes logits of size logit_scale.
  [[nodiscard]] float output_deviation() const {
    return options_.logit_scale / std::sqrt(static_cast<float>(options_.n_embd));
  }

  /// Normal with mean 0 and deviation 1 (Box and Muller, 1958).
  float normal() {
    const double radius = std::sqrt(-2.0 * std::log(rng_.unit()));
    return static_cast<float>(radius * std::cos(2.0 * std::numbers::pi * rng_.unit()));
  }

  /// [n_in, n_out]; deviation 0: sqrt(2 / n_in), which lets every part matter in the result.
  void add_matrix(const std::string& name, int n_in, int n_out, float deviation = 0.0F) {
    if (deviation == 0.0F) deviation = std::sqrt(2.0F / static_cast<float>(n_in));
    std::vector<float> values(static_cast<std::size_t>(n_in) * n_out);
    for (float& value : values) value = deviation * normal();
    ggml_tensor* tensor = ggml_new_tensor_2d(ggml_.get(), options_.type, n_in, n_out);
    ggml_quantize_chunk(options_.type, values.data(), tensor->data, 0, n_out, n_in, nullptr);
    add(tensor, name);
  }

  void add_vector(const std::string& name, int n, float low, float high) {
    ggml_tensor* tensor = ggml_new_tensor_1d(ggml_.get(), GGML_TYPE_F32, n);
    auto* values = static_cast<float*>(tensor->data);
    for (int i = 0; i < n; ++i) {
      values[i] = low + (high - low) * static_cast<float>(rng_.unit());
    }
    add(tensor, name);
  }

  void add(ggml_tensor* tensor, const std::string& name) {
    ggml_set_name(tensor, name.c_str());
    gguf_add_tensor(gguf_.get(), tensor);
  }

  TinyModelOptions options_;
  Vocabulary vocabulary_;
  Rng rng_;
  std::unique_ptr<gguf_context, FreeGguf> gguf_;
  std::unique_ptr<ggml_context, FreeGgml> ggml_;
};

}  // namespace

int tiny_vocab_size(const TinyModelOptions& options) {
  return static_cast<int>(make_vocabulary(options).texts.size());
}

void write_tiny_model(const std::filesystem::path& path, const TinyModelOptions& options) {
  TinyModelWriter(options).write(path);
}

}  // namespace citer::test
