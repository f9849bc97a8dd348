#include "support/odd_models.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/rng.h"
#include "citer/error.h"
#include "ggml.h"

namespace citer::test {

namespace fs = std::filesystem;

namespace {

constexpr int kEmbd = 32;
constexpr int kFf = 64;
constexpr int kHeads = 2;
constexpr int kContext = 512;

struct FreeGguf {
  void operator()(gguf_context* context) const { gguf_free(context); }
};
struct FreeGgml {
  void operator()(ggml_context* context) const { ggml_free(context); }
};
using Gguf = std::unique_ptr<gguf_context, FreeGguf>;
using Ggml = std::unique_ptr<ggml_context, FreeGgml>;

void write(const gguf_context* gguf, const fs::path& path) {
  if (!gguf_write_to_file(gguf, path.c_str(), /*only_meta=*/false)) {
    throw ResourceError(fmt::format("{}: cannot write", path.string()));
  }
}

/// A GGUF file and its tensors in memory, ready to be written.
struct File {
  Gguf gguf;
  Ggml tensors;
};

File read(const fs::path& path) {
  ggml_context* tensors = nullptr;
  const Gguf original(gguf_init_from_file(path.c_str(), {.no_alloc = false, .ctx = &tensors}));
  if (!original) throw InputError(fmt::format("{}: cannot read", path.string()));
  File file{Gguf(gguf_init_empty()), Ggml(tensors)};
  gguf_set_kv(file.gguf.get(), original.get());
  for (ggml_tensor* t = ggml_get_first_tensor(tensors); t != nullptr;
       t = ggml_get_next_tensor(tensors, t)) {
    if (gguf_find_tensor(original.get(), t->name) < 0) continue;  // the block that holds all data
    gguf_add_tensor(file.gguf.get(), t);
  }
  return file;
}

/// A model of another architecture, with the tokenizer of the tiny models.
class OddModelWriter {
 public:
  OddModelWriter(const fs::path& path, std::string architecture, std::uint64_t seed)
      : path_(path), architecture_(std::move(architecture)), rng_(seed) {
    write_tiny_model(path);
    tokenizer_ = read(path);
    gguf_.reset(gguf_init_empty());
    gguf_set_kv(gguf_.get(), tokenizer_.gguf.get());
    gguf_set_val_str(gguf_.get(), "general.architecture", architecture_.c_str());
    tensors_.reset(ggml_init({std::size_t{4} << 20, nullptr, /*no_alloc=*/false}));
    set("vocab_size", tiny_vocab_size());
    set("context_length", kContext);
    set("embedding_length", kEmbd);
    set("block_count", 1);
  }

  void set(const std::string& key, int value) {
    gguf_set_val_u32(gguf_.get(), full(key).c_str(), static_cast<std::uint32_t>(value));
  }
  void set_float(const std::string& key, float value) {
    gguf_set_val_f32(gguf_.get(), full(key).c_str(), value);
  }
  void set_bool(const std::string& key, bool value) {
    gguf_set_val_bool(gguf_.get(), full(key).c_str(), value);
  }

  /// Adds a tensor of numbers spread evenly over [middle - spread, middle + spread].
  void add(const std::string& name, std::initializer_list<std::int64_t> shape, float spread,
           float middle = 0.0F) {
    ggml_tensor* tensor = ggml_new_tensor(tensors_.get(), GGML_TYPE_F32,
                                          static_cast<int>(shape.size()), std::data(shape));
    auto* values = static_cast<float*>(tensor->data);
    for (std::int64_t i = 0; i < ggml_nelements(tensor); ++i) {
      values[i] = middle + spread * static_cast<float>(2 * rng_.unit() - 1);
    }
    ggml_set_name(tensor, name.c_str());
    gguf_add_tensor(gguf_.get(), tensor);
  }

  void set_token_types(int n) {
    gguf_set_val_u32(gguf_.get(), "tokenizer.ggml.token_type_count", static_cast<std::uint32_t>(n));
  }

  void finish() { write(gguf_.get(), path_); }

 private:
  [[nodiscard]] std::string full(const std::string& key) const { return architecture_ + "." + key; }

  fs::path path_;
  std::string architecture_;
  Rng rng_;
  File tokenizer_;
  Gguf gguf_;
  Ggml tensors_;
};

}  // namespace

void edit_gguf(const fs::path& from, const fs::path& to,
               const std::function<void(gguf_context*)>& edit) {
  const File file = read(from);
  edit(file.gguf.get());
  write(file.gguf.get(), to);
}

void write_encoder_model(const fs::path& path) {
  OddModelWriter model(path, "t5encoder", 1);
  model.set("feed_forward_length", kFf);
  model.set("attention.head_count", kHeads);
  model.set("attention.relative_buckets_count", 8);
  model.set_float("attention.layer_norm_rms_epsilon", 1e-5F);
  model.add("token_embd.weight", {kEmbd, tiny_vocab_size()}, 1.0F);
  model.add("enc.output_norm.weight", {kEmbd}, 0.5F, 1.0F);
  model.add("enc.blk.0.attn_norm.weight", {kEmbd}, 0.5F, 1.0F);
  model.add("enc.blk.0.attn_rel_b.weight", {kHeads, 8}, 0.5F);
  for (const char* part : {"attn_q", "attn_k", "attn_v", "attn_o"}) {
    model.add(fmt::format("enc.blk.0.{}.weight", part), {kEmbd, kEmbd}, 0.3F);
  }
  model.add("enc.blk.0.ffn_norm.weight", {kEmbd}, 0.5F, 1.0F);
  model.add("enc.blk.0.ffn_up.weight", {kEmbd, kFf}, 0.3F);
  model.add("enc.blk.0.ffn_down.weight", {kFf, kEmbd}, 0.3F);
  model.finish();
}

void write_embedder_model(const fs::path& path) {
  OddModelWriter model(path, "bert", 1);
  model.set("feed_forward_length", kFf);
  model.set("attention.head_count", kHeads);
  model.set_float("attention.layer_norm_epsilon", 1e-5F);
  model.set_bool("attention.causal", false);
  model.set_token_types(2);
  const auto norm = [&](const std::string& name) {
    model.add(name + ".weight", {kEmbd}, 0.5F, 1.0F);
    model.add(name + ".bias", {kEmbd}, 0.5F);
  };
  const auto linear = [&](const std::string& name, int in, int out) {
    model.add(name + ".weight", {in, out}, 0.3F);
    model.add(name + ".bias", {out}, 0.3F);
  };
  model.add("token_embd.weight", {kEmbd, tiny_vocab_size()}, 1.0F);
  model.add("token_types.weight", {kEmbd, 2}, 1.0F);
  model.add("position_embd.weight", {kEmbd, kContext}, 1.0F);
  norm("token_embd_norm");
  for (const char* part : {"attn_q", "attn_k", "attn_v", "attn_output"}) {
    linear(fmt::format("blk.0.{}", part), kEmbd, kEmbd);
  }
  norm("blk.0.attn_output_norm");
  linear("blk.0.ffn_up", kEmbd, kFf);
  linear("blk.0.ffn_down", kFf, kEmbd);
  norm("blk.0.layer_output_norm");
  model.finish();
}

void write_mamba_model(const fs::path& path, std::uint64_t seed) {
  constexpr int kInner = 2 * kEmbd;
  constexpr int kState = 8;
  constexpr int kConv = 4;
  constexpr int kRank = 4;
  OddModelWriter model(path, "mamba", seed);
  model.set("feed_forward_length", 0);
  model.set("attention.head_count", 0);
  model.set("ssm.conv_kernel", kConv);
  model.set("ssm.inner_size", kInner);
  model.set("ssm.state_size", kState);
  model.set("ssm.time_step_rank", kRank);
  model.set_float("attention.layer_norm_rms_epsilon", 1e-5F);
  model.add("token_embd.weight", {kEmbd, tiny_vocab_size()}, 1.0F);
  model.add("output_norm.weight", {kEmbd}, 0.5F, 1.0F);
  model.add("output.weight", {kEmbd, tiny_vocab_size()}, 1.0F);
  model.add("blk.0.attn_norm.weight", {kEmbd}, 0.5F, 1.0F);
  model.add("blk.0.ssm_in.weight", {kEmbd, 2 * kInner}, 0.3F);
  model.add("blk.0.ssm_conv1d.weight", {kConv, kInner}, 0.5F);
  model.add("blk.0.ssm_conv1d.bias", {kInner}, 0.1F);
  model.add("blk.0.ssm_x.weight", {kInner, kRank + 2 * kState}, 0.3F);
  model.add("blk.0.ssm_dt.weight", {kRank, kInner}, 0.3F);
  model.add("blk.0.ssm_dt.bias", {kInner}, 0.3F);
  model.add("blk.0.ssm_a", {kState, kInner}, 0.4F, -0.5F);
  model.add("blk.0.ssm_d", {kInner}, 0.3F, 1.0F);
  model.add("blk.0.ssm_out.weight", {kInner, kEmbd}, 0.3F);
  model.finish();
}

void write_close_model(const fs::path& from, const fs::path& to, float noise, std::uint64_t seed) {
  const File file = read(from);
  Rng rng(seed);
  for (ggml_tensor* t = ggml_get_first_tensor(file.tensors.get()); t != nullptr;
       t = ggml_get_next_tensor(file.tensors.get(), t)) {
    if (ggml_n_dims(t) != 2) continue;
    auto* values = static_cast<float*>(t->data);
    const std::int64_t n = ggml_nelements(t);
    double square = 0.0;
    for (std::int64_t i = 0; i < n; ++i) square += double{values[i]} * values[i];
    const double deviation = std::sqrt(square / static_cast<double>(n));
    // Uniform noise of that deviation: its width is sqrt(12) times as large.
    const double width = noise * deviation * std::sqrt(12.0);
    for (std::int64_t i = 0; i < n; ++i)
      values[i] += static_cast<float>(width * (rng.unit() - 0.5));
  }
  write(file.gguf.get(), to);
}

void write_lora_adapter(const fs::path& base, const fs::path& adapter, const fs::path& merged,
                        float scale) {
  constexpr std::int64_t kRank = 2;
  File model = read(base);
  const Gguf gguf(gguf_init_empty());
  const Ggml tensors(ggml_init({std::size_t{4} << 20, nullptr, /*no_alloc=*/false}));
  gguf_set_val_str(gguf.get(), "general.type", "adapter");
  gguf_set_val_str(gguf.get(), "general.architecture", "llama");
  gguf_set_val_str(gguf.get(), "adapter.type", "lora");
  gguf_set_val_f32(gguf.get(), "adapter.lora.alpha", static_cast<float>(kRank));
  Rng rng(1);
  const auto add = [&](const std::string& name, std::int64_t n_in, std::int64_t n_out) {
    ggml_tensor* tensor = ggml_new_tensor_2d(tensors.get(), GGML_TYPE_F32, n_in, n_out);
    auto* values = static_cast<float*>(tensor->data);
    for (std::int64_t i = 0; i < ggml_nelements(tensor); ++i) {
      values[i] = static_cast<float>(2 * rng.unit() - 1);
    }
    ggml_set_name(tensor, name.c_str());
    gguf_add_tensor(gguf.get(), tensor);
    return values;
  };
  for (ggml_tensor* t = ggml_get_first_tensor(model.tensors.get()); t != nullptr;
       t = ggml_get_next_tensor(model.tensors.get(), t)) {
    const std::string name = t->name;
    if (name.find("attn_q.weight") == std::string::npos) continue;
    const float* a = add(name + ".lora_a", t->ne[0], kRank);
    const float* b = add(name + ".lora_b", kRank, t->ne[1]);
    auto* weights = static_cast<float*>(t->data);
    for (std::int64_t out = 0; out < t->ne[1]; ++out) {
      for (std::int64_t in = 0; in < t->ne[0]; ++in) {
        for (std::int64_t r = 0; r < kRank; ++r) {
          weights[out * t->ne[0] + in] += scale * b[out * kRank + r] * a[r * t->ne[0] + in];
        }
      }
    }
  }
  write(gguf.get(), adapter);
  write(model.gguf.get(), merged);
}

void write_nan_model(const fs::path& path, const TinyModelOptions& options) {
  write_tiny_model(path, options);
  const File file = read(path);
  for (ggml_tensor* t = ggml_get_first_tensor(file.tensors.get()); t != nullptr;
       t = ggml_get_next_tensor(file.tensors.get(), t)) {
    if (std::strcmp(t->name, "output.weight") != 0) continue;
    auto* values = static_cast<float*>(t->data);
    std::fill(values, values + ggml_nelements(t), std::numeric_limits<float>::quiet_NaN());
  }
  write(file.gguf.get(), path);
}

}  // namespace citer::test
