#pragma once

#include <span>
#include <vector>

#include "document.h"
#include "kernels.h"
#include "shape.h"

namespace citer::demo {

/// Summed loss (nats) over the taught positions of some documents.
struct Loss {
  double sum = 0;
  long positions = 0;
};

/// Forward and backward pass of the model over documents packed one after the other (no padding;
/// attention stays within a document). Holds the activations of one micro-batch: one object per
/// thread. Not thread-safe.
class Network {
 public:
  Network(const Shape& shape, const Layout& layout)
      : shape_(shape),
        layout_(layout),
        rotary_(shape.context, shape.head_dim(), shape.rope_base),
        layers_(static_cast<std::size_t>(shape.layers)) {}

  /// Adds the gradient of scale * loss to `gradient` [layout.size()], or only computes the loss
  /// where that is null. Documents go through in micro-batches of about `kMicroTokens`.
  Loss run(const float* weights, std::span<const Sequence> documents, float scale, float* gradient);

 private:
  static constexpr int kMicroTokens = 768;

  struct LayerState {                   // n tokens of a micro-batch
    std::vector<float> in;              // [n, embed]
    std::vector<float> normed;          // [n, embed]
    std::vector<float> qkv;             // [n, 3 * embed]
    std::vector<float> attention;       // per document and head [t, t]
    std::vector<float> mixed;           // [n, embed]
    std::vector<float> middle;          // [n, embed], after attention
    std::vector<float> ff_normed;       // [n, embed]
    std::vector<float> gate_up;         // [n, 2 * ff]
    std::vector<float> gated;           // [n, ff]
    std::vector<float> inverse_in;      // [n]
    std::vector<float> inverse_middle;  // [n]
  };

  struct Packed {
    std::vector<int> input;
    std::vector<int> starts;    // of each document, and the end
    std::vector<int> taught;    // positions that carry a loss
    std::vector<int> targets;   // of those
    std::size_t attention = 0;  // floats per layer
  };

  void pack(std::span<const Sequence> documents);
  void forward(const float* weights);
  void forward_layer(const float* weights, std::size_t index, std::vector<float>& out);
  void attend(LayerState& layer);
  Loss head(const float* weights, float scale);
  void backward_head(const float* weights, float* gradient);
  void backward(const float* weights, float* gradient);
  void backward_ff(const float* weights, std::size_t index, float* gradient);
  void backward_attention(const float* weights, std::size_t index, float* gradient);
  void attend_backward(const LayerState& layer);

  Shape shape_;
  const Layout& layout_;
  Rotary rotary_;
  Packed batch_;
  std::vector<LayerState> layers_;
  std::vector<float> last_;           // [n, embed], the last layer's output
  std::vector<float> last_normed_;    // [n, embed]
  std::vector<float> inverse_last_;   // [n]
  std::vector<float> taught_hidden_;  // [taught, embed], later its gradient
  std::vector<float> logits_;         // [taught, vocab], later their gradient
  std::vector<float> d_stream_;       // [n, embed]
  std::vector<float> d_normed_;       // [n, embed]
  std::vector<float> d_mixed_;        // [n, embed]
  std::vector<float> d_wide_;         // [n, max(3 * embed, 2 * ff)]
  std::vector<float> d_gated_;        // [n, ff]
  std::vector<float> d_scores_;       // [t, t]
};

}  // namespace citer::demo
