#include "support/architectures.h"

#include <fmt/format.h>

#include "citer/error.h"
#include "support/model_writer.h"
#include "support/tiny_model.h"

namespace citer::test {

namespace {

constexpr int kEmbd = kOddEmbd;
constexpr int kFf = kOddFf;
constexpr int kHeads = kOddHeads;
constexpr int kHead = kEmbd / kHeads;
/// Of matrices with kEmbd columns: keeps the size of what they are applied to.
constexpr float kSpread = 0.4F;

std::string block(int layer, const std::string& name) {
  return fmt::format("blk.{}.{}.weight", layer, name);
}

void add_norm(ModelWriter& model, const std::string& name, int n = kEmbd) {
  model.add(name, {n}, 0.5F, 1.0F);
}

/// Embedding, output matrix and last norm; logits of size 4 or so.
void add_ends(ModelWriter& model, const std::string& norm = "output_norm.weight") {
  model.add("token_embd.weight", {kEmbd, tiny_vocab_size()}, 1.0F);
  model.add("output.weight", {kEmbd, tiny_vocab_size()}, 1.2F);
  add_norm(model, norm);
}

void set_attention(ModelWriter& model) {
  model.set("attention.head_count", kHeads);
  model.set("attention.key_length", kHead);
  model.set("attention.value_length", kHead);
  model.set("rope.dimension_count", kHead);
  model.set("feed_forward_length", kFf);
  model.set_float("rope.freq_base", 10000.0F);
  model.set_float("attention.layer_norm_rms_epsilon", 1e-5F);
}

/// `q_width`: rows of the query matrix, in heads.
void add_attention(ModelWriter& model, int layer, bool norms, int q_width = kHeads) {
  model.add(block(layer, "attn_q"), {kEmbd, q_width * kHead}, kSpread);
  for (const char* part : {"attn_k", "attn_v", "attn_output"}) {
    model.add(block(layer, part), {kEmbd, kEmbd}, kSpread);
  }
  if (!norms) return;
  add_norm(model, block(layer, "attn_q_norm"), kHead);
  add_norm(model, block(layer, "attn_k_norm"), kHead);
}

void add_feed_forward(ModelWriter& model, int layer) {
  model.add(block(layer, "ffn_gate"), {kEmbd, kFf}, kSpread);
  model.add(block(layer, "ffn_up"), {kEmbd, kFf}, kSpread);
  model.add(block(layer, "ffn_down"), {kFf, kEmbd}, kSpread / 2);
}

void write_mamba(ModelWriter& model) {
  constexpr int kInner = 2 * kEmbd;
  constexpr int kState = 8;
  constexpr int kConv = 4;
  constexpr int kRank = 4;
  model.set("feed_forward_length", 0);
  model.set("attention.head_count", 0);
  model.set("ssm.conv_kernel", kConv);
  model.set("ssm.inner_size", kInner);
  model.set("ssm.state_size", kState);
  model.set("ssm.time_step_rank", kRank);
  model.set_float("attention.layer_norm_rms_epsilon", 1e-5F);
  add_ends(model);
  for (int layer = 0; layer < 2; ++layer) {
    add_norm(model, block(layer, "attn_norm"));
    model.add(block(layer, "ssm_in"), {kEmbd, 2 * kInner}, kSpread);
    model.add(block(layer, "ssm_conv1d"), {kConv, kInner}, 0.5F);
    model.add(fmt::format("blk.{}.ssm_conv1d.bias", layer), {kInner}, 0.1F);
    model.add(block(layer, "ssm_x"), {kInner, kRank + 2 * kState}, 0.3F);
    model.add(block(layer, "ssm_dt"), {kRank, kInner}, 0.3F);
    model.add(fmt::format("blk.{}.ssm_dt.bias", layer), {kInner}, 0.3F);
    model.add(fmt::format("blk.{}.ssm_a", layer), {kState, kInner}, 0.4F, -0.5F);
    model.add(fmt::format("blk.{}.ssm_d", layer), {kInner}, 0.3F, 1.0F);
    model.add(block(layer, "ssm_out"), {kInner, kEmbd}, 0.3F);
  }
}

void write_lfm2(ModelWriter& model) {
  constexpr int kConv = 3;
  set_attention(model);
  model.set("attention.head_count_kv", {0, kHeads});
  model.set("shortconv.l_cache", kConv);
  add_ends(model, "token_embd_norm.weight");
  for (int layer = 0; layer < 2; ++layer) {
    add_norm(model, block(layer, "attn_norm"));
    add_norm(model, block(layer, "ffn_norm"));
    add_feed_forward(model, layer);
  }
  model.add(block(0, "shortconv.conv"), {kConv, kEmbd}, 0.8F);
  model.add(block(0, "shortconv.in_proj"), {kEmbd, 3 * kEmbd}, kSpread);
  model.add(block(0, "shortconv.out_proj"), {kEmbd, kEmbd}, kSpread);
  add_attention(model, 1, true);
}

void write_qwen35(ModelWriter& model) {
  constexpr int kState = 16;
  constexpr int kGroups = 2;
  constexpr int kConv = 4;
  constexpr int kInner = kState * kGroups;
  set_attention(model);
  model.set("attention.head_count_kv", kHeads);
  model.set("rope.dimension_sections", {3, 3, 2, 0});
  model.set("full_attention_interval", 2);
  model.set("ssm.conv_kernel", kConv);
  model.set("ssm.inner_size", kInner);
  model.set("ssm.state_size", kState);
  model.set("ssm.time_step_rank", kGroups);
  model.set("ssm.group_count", kGroups);
  add_ends(model);
  for (int layer = 0; layer < 2; ++layer) {
    add_norm(model, block(layer, "attn_norm"));
    add_norm(model, block(layer, "post_attention_norm"));
    add_feed_forward(model, layer);
  }
  model.add(block(0, "attn_qkv"), {kEmbd, 3 * kInner}, kSpread);
  model.add(block(0, "attn_gate"), {kEmbd, kInner}, kSpread);
  model.add(block(0, "ssm_conv1d"), {kConv, 3 * kInner}, 0.8F);
  model.add("blk.0.ssm_dt.bias", {kGroups}, 0.3F);
  model.add("blk.0.ssm_a", {kGroups}, 0.1F, -0.3F);
  model.add(block(0, "ssm_beta"), {kEmbd, kGroups}, kSpread);
  model.add(block(0, "ssm_alpha"), {kEmbd, kGroups}, kSpread);
  add_norm(model, block(0, "ssm_norm"), kState);
  model.add(block(0, "ssm_out"), {kInner, kEmbd}, kSpread);
  add_attention(model, 1, true, 2 * kHeads);  // each query with its gate
}

void write_gemma2(ModelWriter& model) {
  set_attention(model);
  model.set("attention.head_count_kv", kHeads);
  model.set("attention.sliding_window", kTinyWindow);
  model.add("token_embd.weight", {kEmbd, tiny_vocab_size()}, 1.2F);  // the output matrix, too
  add_norm(model, "output_norm.weight");
  for (int layer = 0; layer < 2; ++layer) {
    add_norm(model, block(layer, "attn_norm"));
    add_norm(model, block(layer, "ffn_norm"));
    // Else the last token, whose embedding is scaled up and put out, would come again and again.
    model.add(block(layer, "post_attention_norm"), {kEmbd}, 4.0F, 8.0F);
    model.add(block(layer, "post_ffw_norm"), {kEmbd}, 4.0F, 8.0F);
    add_attention(model, layer, false);
    add_feed_forward(model, layer);
  }
}

void write_qwen3moe(ModelWriter& model) {
  constexpr int kExperts = 4;
  set_attention(model);
  model.set("attention.head_count_kv", kHeads);
  model.set("expert_count", kExperts);
  model.set("expert_used_count", 2);
  model.set("expert_feed_forward_length", kFf);
  add_ends(model);
  for (int layer = 0; layer < 2; ++layer) {
    add_norm(model, block(layer, "attn_norm"));
    add_norm(model, block(layer, "ffn_norm"));
    add_attention(model, layer, true);
    model.add(block(layer, "ffn_gate_inp"), {kEmbd, kExperts}, 1.0F);
    model.add(block(layer, "ffn_gate_exps"), {kEmbd, kFf, kExperts}, kSpread);
    model.add(block(layer, "ffn_up_exps"), {kEmbd, kFf, kExperts}, kSpread);
    model.add(block(layer, "ffn_down_exps"), {kFf, kEmbd, kExperts}, kSpread / 2);
  }
}

}  // namespace

void write_architecture(const std::filesystem::path& path, const std::string& architecture,
                        std::uint64_t seed) {
  ModelWriter model(path, architecture, seed, 2);
  if (architecture == "mamba") {
    write_mamba(model);
  } else if (architecture == "lfm2") {
    write_lfm2(model);
  } else if (architecture == "qwen35") {
    write_qwen35(model);
  } else if (architecture == "gemma2") {
    write_gemma2(model);
  } else if (architecture == "qwen3moe") {
    write_qwen3moe(model);
  } else {
    throw UsageError(fmt::format("no tiny model of architecture '{}'", architecture));
  }
  model.finish();
}

}  // namespace citer::test
