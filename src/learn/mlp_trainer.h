#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "route/router.h"

namespace citer {

struct MlpTrainerOptions {
  std::vector<int> widths;  ///< n_in, hidden widths, 1
  int batch = 256;          ///< rows of a step
  double dropout = 0.1;     ///< of hidden units, in [0, 1)
  double learning_rate = 1e-3;
  double weight_decay = 0.01;
  std::uint64_t seed = 0;
  int threads = 1;
  /// Keep gradients, for tests: step() then only adds them up and changes no weight.
  bool gradients_only = false;
};

/// Rows of a batch: at most `batch`; what is missing counts nothing.
struct MlpBatch {
  std::span<const float> inputs;  ///< [n_in, n]
  std::span<const float> slm;     ///< [n]
  std::span<const float> llm;     ///< [n]
  std::span<const float> weight;  ///< [n]
};

/// The router's MLP under ggml's optimiser (AdamW; ggml-opt). Loss of a batch: sum over rows of
/// -weight x log((1 - d) slm + d llm), 1 - d = sigmoid(logit), divided by the batch size.
class MlpTrainer {
 public:
  /// Weights start from Kaiming's uniform distribution, portable for a seed. Throws ResourceError.
  explicit MlpTrainer(const MlpTrainerOptions& options);
  ~MlpTrainer();

  /// One step; the loss before it. `rate` scales the learning rate.
  double step(const MlpBatch& batch, double rate = 1.0);

  /// The weights as they are.
  RouterMlp mlp() const;
  /// Replaces the weights.
  void set(const RouterMlp& mlp);
  /// With gradients_only: d loss / d weights of all steps so far, in the weights' shapes.
  RouterMlp gradients() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace citer
