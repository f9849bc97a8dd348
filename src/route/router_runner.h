#pragma once

#include <ggml-cpp.h>
#include <ggml.h>

#include <memory>
#include <span>
#include <string>

#include "route/router.h"

namespace citer {

/// How ggml stores a matrix whose rows have `n_in` entries.
ggml_type matrix_type(RouterWeights weights, int n_in);

/// A ggml device by its name, the CPU for "", with its number of threads set where it has one.
/// Throws ResourceError.
ggml_backend_ptr open_backend(const std::string& device, int threads);

/// Evaluates a router's MLP by ggml, batches of any size in one graph. Not thread-safe.
class RouterRunner {
 public:
  /// Copies the weights to a device by ggml's name ("CUDA0"), or the CPU (""). Matrices are kept as
  /// `weights` says. Throws ResourceError when they do not fit.
  RouterRunner(const RouterMlp& mlp, RouterWeights weights, const std::string& device, int threads);
  ~RouterRunner();
  RouterRunner(RouterRunner&&) noexcept;

  int n_in() const;

  /// `inputs` [n_in, n] to `logits` [n].
  void run(std::span<const float> inputs, std::span<float> logits);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace citer
