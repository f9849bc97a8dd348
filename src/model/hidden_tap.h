#pragma once

#include <ggml-backend.h>
#include <ggml.h>

#include <string_view>
#include <vector>

namespace citer {

/// Copies hidden states as a pass computes them: those of its output rows, in their order.
/// libllama's own way, llama_set_embeddings(), puts out every row of a batch, and in 0.7 it crashes
/// when it is turned on or off after a context was made.
struct HiddenTap {
  bool on = false;          ///< somebody wants them
  std::vector<float> rows;  ///< [n_embd, output rows of the last pass]

  /// ggml's scheduler asks for each tensor whether to stop after it, then shows it.
  static bool callback(ggml_tensor* tensor, bool ask, void* user) {
    auto& tap = *static_cast<HiddenTap*>(user);
    // What libllama's graphs call the state that the output matrix is applied to.
    const bool wanted = tap.on && std::string_view(tensor->name) == "result_norm";
    if (wanted && !ask) tap.take(*tensor);
    return wanted || !ask;
  }

  void take(const ggml_tensor& tensor) {
    const std::size_t before = rows.size();
    rows.resize(before + static_cast<std::size_t>(ggml_nelements(&tensor)));
    ggml_backend_tensor_get(&tensor, rows.data() + before, 0, ggml_nbytes(&tensor));
  }
};

}  // namespace citer
