#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ggml.h"

namespace citer::inflate {

/// Hyperparameters of a llama-architecture model that inflating may raise.
struct ModelShape {
  std::int64_t n_embd = 0;
  std::int64_t n_layer = 0;
  std::int64_t n_head = 0;
  std::int64_t n_head_kv = 0;
  std::int64_t head_dim = 0;
  std::int64_t n_ff = 0;
  std::int64_t n_vocab = 0;

  friend bool operator==(const ModelShape&, const ModelShape&) = default;
};

/// For example "d 576, 30 layers, 9 heads of 64 (3 kv), ff 1536, 650 tokens".
std::string to_string(const ModelShape& shape);

/// What the user asked for; what is not set comes from `like`, else from the source.
struct ShapeOptions {
  /// Name of a preset; empty: none.
  std::string like;
  std::optional<std::int64_t> n_embd;
  std::optional<std::int64_t> n_layer;
  std::optional<std::int64_t> n_head;
  /// Not set: n_head where the source has as many kv heads as heads, else the source's.
  std::optional<std::int64_t> n_head_kv;
  /// Not set: n_embd / n_head where n_head is given, else the source's.
  std::optional<std::int64_t> head_dim;
  std::optional<std::int64_t> n_ff;
  std::optional<std::int64_t> n_vocab;
};

/// Shape of a real model, and the storage type that it is usually run with. n_vocab is 0: the
/// source's vocabulary is kept.
struct Preset {
  std::string_view name;
  std::string_view model;
  ModelShape shape;
  ggml_type type;
};

std::span<const Preset> presets();
/// Throws UsageError naming the presets there are.
const Preset& find_preset(std::string_view name);

/// The full target shape. Throws UsageError when it is smaller than the source anywhere, or is no
/// shape that libllama accepts.
ModelShape target_shape(const ModelShape& source, const ShapeOptions& options);

}  // namespace citer::inflate
