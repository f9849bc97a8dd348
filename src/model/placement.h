#pragma once

#include <ggml-backend.h>

#include <cstdint>
#include <string>
#include <vector>

#include "citer/model_options.h"
#include "model/llama_ptr.h"

namespace citer {

/// How a model is loaded and where its tensors lie, as libllama takes it.
class Placement {
 public:
  /// Throws InputError (no such device) or FieldError (split mode, main GPU, shares, buffer types,
  /// types of keys and values).
  explicit Placement(const ModelOptions& options);
  Placement(const Placement&) = delete;
  Placement& operator=(const Placement&) = delete;

  /// Refers to this object.
  llama_model_params params() const { return params_; }

 private:
  void choose_devices(const ModelOptions& options);
  void split(const ModelOptions& options);
  void override_tensors(const ModelOptions& options);
  void add_override(const std::string& pattern, const std::string& buffer_type);
  void fit(const ModelOptions& options);

  llama_model_params params_;
  std::vector<ggml_backend_dev_t> devices_;  ///< nullptr-terminated; empty: all there are
  std::vector<float> shares_;                ///< [llama_max_devices()], or empty
  std::vector<std::string> patterns_;
  std::vector<llama_model_tensor_buft_override> overrides_;  ///< ended by an empty one
};

/// The type of cached keys or values. Throws FieldError naming the `field` that has the name.
ggml_type cache_type(const std::string& name, const char* field);

/// Layers to keep on devices that have `free` bytes for weights: all (-1) where all `weights` bytes
/// of `layers` layers fit, else as many as do, taking them to be alike.
int layers_that_fit(std::uint64_t weights, int layers, std::uint64_t free);

}  // namespace citer
