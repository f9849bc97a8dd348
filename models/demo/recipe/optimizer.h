#pragma once

#include <functional>
#include <vector>

#include "shape.h"

namespace citer::demo {

struct OptimizerOptions {
  /// Peak learning rate of AdamW (embeddings, norms, output) and of Muon (block matrices).
  float adam_rate = 2e-3F;
  float muon_rate = 0.012F;
  /// AdamW's decay rates of the first and second moment.
  float beta1 = 0.9F;
  float beta2 = 0.98F;
  /// Muon's momentum.
  float momentum = 0.95F;
  /// The AdamW part of the gradient is scaled down to this norm.
  float clip = 1.0F;
};

/// Calls task(0..threads-1) on that many threads and waits.
using Parallel = std::function<void(const std::function<void(int)>&)>;

/// Muon (Jordan et al. 2024) on the matrices of the blocks, AdamW without weight decay on the rest.
class Optimizer {
 public:
  Optimizer(const Layout& layout, const OptimizerOptions& options);

  /// One step number `step` (from 1) at `factor` times the peak rates. Clears the gradient.
  void update(long step, float factor, std::vector<float>& weights, std::vector<float>& gradient,
              int threads, const Parallel& parallel);

  /// Moments, for checkpoints.
  std::vector<float>& first() { return first_; }
  std::vector<float>& second() { return second_; }

 private:
  void adam(const Tensor& tensor, long step, float rate, float clip, float* weights,
            float* gradient);
  void muon(const Tensor& tensor, float rate, float* weights, float* gradient);

  const Layout& layout_;
  OptimizerOptions options_;
  std::vector<float> first_;   // AdamW's first moment, Muon's momentum
  std::vector<float> second_;  // AdamW's second moment
};

/// Replaces a matrix [rows, columns] by nearly its polar factor: five Newton-Schulz steps with
/// Muon's coefficients.
void orthogonalize(float* matrix, int rows, int columns);

}  // namespace citer::demo
