#include "support/odd_models.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "base/rng.h"
#include "support/model_writer.h"

namespace citer::test {

namespace fs = std::filesystem;

namespace {

constexpr int kEmbd = kOddEmbd;
constexpr int kFf = kOddFf;
constexpr int kHeads = kOddHeads;
constexpr int kContext = kOddContext;

}  // namespace

void edit_gguf(const fs::path& from, const fs::path& to,
               const std::function<void(gguf_context*)>& edit) {
  const GgufInMemory file = read_gguf(from);
  edit(file.gguf.get());
  write_gguf(file.gguf.get(), to);
}

void write_encoder_model(const fs::path& path) {
  ModelWriter model(path, "t5encoder", 1);
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
  ModelWriter model(path, "bert", 1);
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

void write_close_model(const fs::path& from, const fs::path& to, float noise, std::uint64_t seed) {
  const GgufInMemory file = read_gguf(from);
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
  write_gguf(file.gguf.get(), to);
}

void write_lora_adapter(const fs::path& base, const fs::path& adapter, const fs::path& merged,
                        float scale) {
  constexpr std::int64_t kRank = 2;
  const GgufInMemory model = read_gguf(base);
  const std::unique_ptr<gguf_context, FreeGguf> gguf(gguf_init_empty());
  const std::unique_ptr<ggml_context, FreeGgml> tensors(
      ggml_init({std::size_t{4} << 20, nullptr, /*no_alloc=*/false}));
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
  write_gguf(gguf.get(), adapter);
  write_gguf(model.gguf.get(), merged);
}

void write_nan_model(const fs::path& path, const TinyModelOptions& options) {
  write_tiny_model(path, options);
  const GgufInMemory file = read_gguf(path);
  for (ggml_tensor* t = ggml_get_first_tensor(file.tensors.get()); t != nullptr;
       t = ggml_get_next_tensor(file.tensors.get(), t)) {
    if (std::strcmp(t->name, "output.weight") != 0) continue;
    auto* values = static_cast<float*>(t->data);
    std::fill(values, values + ggml_nelements(t), std::numeric_limits<float>::quiet_NaN());
  }
  write_gguf(file.gguf.get(), path);
}

}  // namespace citer::test
