#include "shape.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/rng.h"
#include "citer/error.h"

namespace citer::demo {

void Shape::check() const {
  if (vocab < 1 || embed < 1 || layers < 1 || heads < 1 || ff < 1 || context < 1) {
    throw UsageError("model shape: every dimension must be positive");
  }
  if (embed % heads != 0 || head_dim() % 2 != 0) {
    throw UsageError("model shape: embed (" + std::to_string(embed) +
                     ") must be an even multiple of heads (" + std::to_string(heads) + ")");
  }
}

Layout::Layout(const Shape& s) {
  s.check();
  embedding = add("token_embd.weight", s.vocab, s.embed, false);
  for (int i = 0; i < s.layers; ++i) {
    const std::string block = "blk." + std::to_string(i) + ".";
    Layer layer;
    layer.attention_norm = add(block + "attn_norm.weight", 0, s.embed, true);
    layer.qkv = add(block + "attn_q.weight", s.embed, s.embed, true);
    add(block + "attn_k.weight", s.embed, s.embed, true);
    add(block + "attn_v.weight", s.embed, s.embed, true);
    layer.attention_out = add(block + "attn_output.weight", s.embed, s.embed, true);
    layer.ff_norm = add(block + "ffn_norm.weight", 0, s.embed, true);
    layer.gate_up = add(block + "ffn_gate.weight", s.ff, s.embed, true);
    add(block + "ffn_up.weight", s.ff, s.embed, true);
    layer.down = add(block + "ffn_down.weight", s.embed, s.ff, true);
    layers.push_back(layer);
  }
  final_norm = add("output_norm.weight", 0, s.embed, false);
  output = add("output.weight", s.vocab, s.embed, false);
}

std::size_t Layout::add(std::string name, int rows, int columns, bool in_block) {
  Tensor tensor{std::move(name), size_, rows, columns, in_block};
  size_ += tensor.size();
  tensors_.push_back(std::move(tensor));
  return tensors_.back().offset;
}

std::vector<float> initial_weights(const Shape& shape, const Layout& layout, std::uint64_t seed) {
  constexpr double kDeviation = 0.02;
  std::vector<float> weights(layout.size(), 1.0F);
  Rng rng(seed);
  for (const Tensor& tensor : layout.tensors()) {
    if (tensor.rows == 0) continue;
    const bool residual =
        tensor.name.ends_with("attn_output.weight") || tensor.name.ends_with("ffn_down.weight");
    const double scale = kDeviation * (residual ? 1 / std::sqrt(2.0 * shape.layers) : 1.0);
    for (std::size_t i = 0; i < tensor.size(); ++i) {  // Box and Muller
      const double radius = std::sqrt(-2 * std::log(rng.unit()));
      const double normal = radius * std::cos(2 * std::numbers::pi * rng.unit());
      weights[tensor.offset + i] = static_cast<float>(scale * normal);
    }
  }
  return weights;
}

}  // namespace citer::demo
