#include "inflate/shape.h"

#include <fmt/format.h>

#include "citer/error.h"

namespace citer::inflate {

namespace {

// The models' config.json on their publishers' pages.
constexpr Preset kPresets[] = {
    {"135M", "SmolLM-135M", {576, 30, 9, 3, 64, 1536, 0}, GGML_TYPE_Q8_0},
    {"0.5B", "Qwen2.5-0.5B", {896, 24, 14, 2, 64, 4864, 0}, GGML_TYPE_Q8_0},
    {"1.7B", "SmolLM2-1.7B", {2048, 24, 32, 32, 64, 8192, 0}, GGML_TYPE_Q8_0},
    {"7B", "Llama-2-7B", {4096, 32, 32, 32, 128, 11008, 0}, GGML_TYPE_Q4_0},
};

std::int64_t default_head_dim(const ModelShape& source, const ShapeOptions& options,
                              const ModelShape& target) {
  if (!options.n_head) return source.head_dim;
  if (target.n_embd % target.n_head != 0) {
    throw UsageError(fmt::format("--embd {} is not a multiple of --heads {}: give --head-dim",
                                 target.n_embd, target.n_head));
  }
  return target.n_embd / target.n_head;
}

void check_not_smaller(const char* flag, std::int64_t source, std::int64_t target) {
  if (target < source) {
    throw UsageError(fmt::format("{} {} is smaller than the model's {}", flag, target, source));
  }
}

void check(const ModelShape& source, const ModelShape& target) {
  check_not_smaller("--embd", source.n_embd, target.n_embd);
  check_not_smaller("--layers", source.n_layer, target.n_layer);
  check_not_smaller("--heads", source.n_head, target.n_head);
  check_not_smaller("--head-dim", source.head_dim, target.head_dim);
  check_not_smaller("--ff", source.n_ff, target.n_ff);
  check_not_smaller("--vocab", source.n_vocab, target.n_vocab);
  if (target.n_head % target.n_head_kv != 0) {
    throw UsageError(fmt::format("--heads {} is not a multiple of --kv-heads {}", target.n_head,
                                 target.n_head_kv));
  }
  if (target.head_dim % 2 != 0) {
    throw UsageError(fmt::format("--head-dim {} is odd: rope turns pairs", target.head_dim));
  }
}

}  // namespace

std::string to_string(const ModelShape& shape) {
  return fmt::format("d {}, {} layers, {} heads of {} ({} kv), ff {}, {} tokens", shape.n_embd,
                     shape.n_layer, shape.n_head, shape.head_dim, shape.n_head_kv, shape.n_ff,
                     shape.n_vocab);
}

std::span<const Preset> presets() { return kPresets; }

const Preset& find_preset(std::string_view name) {
  std::string names;
  for (const Preset& preset : kPresets) {
    if (preset.name == name) return preset;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", preset.name);
  }
  throw UsageError(fmt::format("--like {}: not one of {}", name, names));
}

ModelShape target_shape(const ModelShape& source, const ShapeOptions& options) {
  const bool preset = !options.like.empty();
  const ModelShape base = preset ? find_preset(options.like).shape : source;
  ModelShape target;
  target.n_embd = options.n_embd.value_or(base.n_embd);
  target.n_layer = options.n_layer.value_or(base.n_layer);
  target.n_head = options.n_head.value_or(base.n_head);
  target.n_ff = options.n_ff.value_or(base.n_ff);
  target.n_vocab = options.n_vocab.value_or(source.n_vocab);

  const bool follow = !preset && options.n_head && source.n_head_kv == source.n_head;
  target.n_head_kv = options.n_head_kv.value_or(follow ? target.n_head : base.n_head_kv);
  if (options.head_dim || preset) {
    target.head_dim = options.head_dim.value_or(base.head_dim);
  } else {
    target.head_dim = default_head_dim(source, options, target);
  }
  check(source, target);
  return target;
}

}  // namespace citer::inflate
