#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace citer::demo {

/// A llama-architecture model: RMS norms, rotary positions, SwiGLU, no biases, as many key as query
/// heads, input and output embeddings apart.
struct Shape {
  int vocab = 0;
  int embed = 0;  // multiple of heads; embed / heads must be even
  int layers = 0;
  int heads = 0;
  int ff = 0;
  int context = 512;
  float rope_base = 10000.0F;
  float norm_eps = 1e-5F;

  int head_dim() const { return embed / heads; }
  /// Throws UsageError when the numbers do not fit together.
  void check() const;
};

/// One tensor of the model inside the flat vector of parameters.
struct Tensor {
  std::string name;  // as GGUF names it
  std::size_t offset = 0;
  int rows = 0;  // 0: a vector of `columns`
  int columns = 0;
  bool in_block = false;  // of a transformer layer

  std::size_t size() const {
    return static_cast<std::size_t>(rows == 0 ? 1 : rows) * static_cast<std::size_t>(columns);
  }
};

/// Where each tensor lies. Matrices are stored by rows, [out, in]. Query, key and value of a layer
/// follow each other, and so do gate and up, so that one product computes them together.
class Layout {
 public:
  struct Layer {
    std::size_t attention_norm = 0;  // [embed]
    std::size_t qkv = 0;             // [3 * embed, embed]
    std::size_t attention_out = 0;   // [embed, embed]
    std::size_t ff_norm = 0;         // [embed]
    std::size_t gate_up = 0;         // [2 * ff, embed]
    std::size_t down = 0;            // [embed, ff]
  };

  explicit Layout(const Shape& shape);

  std::size_t embedding = 0;  // [vocab, embed]
  std::vector<Layer> layers;
  std::size_t final_norm = 0;  // [embed]
  std::size_t output = 0;      // [vocab, embed]

  const std::vector<Tensor>& tensors() const { return tensors_; }
  std::size_t size() const { return size_; }

 private:
  std::size_t add(std::string name, int rows, int columns, bool in_block);

  std::vector<Tensor> tensors_;
  std::size_t size_ = 0;
};

/// Initial weights: norms 1, matrices N(0, 0.02), those that write into the residual stream scaled
/// by 1/sqrt(2 * layers) (GPT-2's scheme).
std::vector<float> initial_weights(const Shape& shape, const Layout& layout, std::uint64_t seed);

}  // namespace citer::demo
