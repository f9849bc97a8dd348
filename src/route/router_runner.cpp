#include "route/router_runner.h"

#include <ggml-alloc.h>
#include <ggml-backend.h>
#include <ggml-cpp.h>
#include <ggml.h>

#include <fmt/format.h>

#include "citer/error.h"
#include "model/backend.h"

namespace citer {

namespace {

/// Room for the descriptions of `tensors` tensors (their data lie in a backend's buffer).
ggml_context_ptr description_context(std::size_t tensors) {
  return ggml_context_ptr(
      ggml_init({.mem_size = tensors * ggml_tensor_overhead() + ggml_graph_overhead(),
                 .mem_buffer = nullptr,
                 .no_alloc = true}));
}

}  // namespace

ggml_backend_ptr open_backend(const std::string& device, int threads) {
  init_backends();
  ggml_backend_dev_t dev = device.empty() ? ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU)
                                          : ggml_backend_dev_by_name(device.c_str());
  if (dev == nullptr) throw ResourceError(fmt::format("no device '{}' for the router", device));
  ggml_backend_ptr backend(ggml_backend_dev_init(dev, nullptr));
  if (!backend) throw ResourceError(fmt::format("device '{}' cannot be opened", device));
  ggml_backend_reg_t reg = ggml_backend_dev_backend_reg(dev);
  const auto set_threads = reinterpret_cast<ggml_backend_set_n_threads_t>(
      ggml_backend_reg_get_proc_address(reg, "ggml_backend_set_n_threads"));
  if (set_threads != nullptr) set_threads(backend.get(), threads);
  return backend;
}

ggml_type matrix_type(RouterWeights weights, int n_in) {
  if (weights == RouterWeights::kF32) return GGML_TYPE_F32;
  const bool blocks_fit = n_in % ggml_blck_size(GGML_TYPE_Q8_0) == 0;
  return weights == RouterWeights::kQ80 && blocks_fit ? GGML_TYPE_Q8_0 : GGML_TYPE_F16;
}

struct RouterRunner::Impl {
  struct Layer {
    ggml_tensor* weight;  ///< [n_in, n_out]
    ggml_tensor* bias;    ///< [n_out]
  };

  Impl(const RouterMlp& mlp, RouterWeights weights, const std::string& device, int threads)
      : backend(open_backend(device, threads)),
        weight_context(description_context(2 * mlp.size())),
        allocator(ggml_gallocr_new(ggml_backend_get_default_buffer_type(backend.get()))) {
    for (const DenseLayer& l : mlp) {
      layers.push_back(
          {ggml_new_tensor_2d(weight_context.get(), matrix_type(weights, l.n_in), l.n_in, l.n_out),
           ggml_new_tensor_1d(weight_context.get(), GGML_TYPE_F32, l.n_out)});
    }
    buffer.reset(ggml_backend_alloc_ctx_tensors(weight_context.get(), backend.get()));
    if (!buffer) throw ResourceError("the router's weights do not fit on its device");
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = 0; i < mlp.size(); ++i) {
      ggml_tensor* weight = layers[i].weight;
      bytes.resize(ggml_nbytes(weight));
      ggml_quantize_chunk(weight->type, mlp[i].weight.data(), bytes.data(), 0, weight->ne[1],
                          weight->ne[0], nullptr);
      ggml_backend_tensor_set(weight, bytes.data(), 0, bytes.size());
      ggml_backend_tensor_set(layers[i].bias, mlp[i].bias.data(), 0, ggml_nbytes(layers[i].bias));
    }
  }

  /// The graph for `n` inputs at once.
  void build(std::int64_t n) {
    graph_context = description_context(4 * layers.size() + 1);
    ggml_context* ctx = graph_context.get();
    input = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, layers.front().weight->ne[0], n);
    ggml_set_input(input);
    ggml_tensor* x = input;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = ggml_add(ctx, ggml_mul_mat(ctx, layers[i].weight, x), layers[i].bias);
      if (i + 1 < layers.size()) x = ggml_relu(ctx, x);
    }
    output = x;
    ggml_set_output(output);
    graph = ggml_new_graph(ctx);
    ggml_build_forward_expand(graph, output);
    if (!ggml_gallocr_alloc_graph(allocator.get(), graph)) {
      throw ResourceError("the router's activations do not fit on its device");
    }
    size = n;
  }

  ggml_backend_ptr backend;
  ggml_context_ptr weight_context;
  ggml_backend_buffer_ptr buffer;
  std::vector<Layer> layers;
  ggml_gallocr_ptr allocator;

  ggml_context_ptr graph_context;  ///< of the last batch size
  ggml_cgraph* graph = nullptr;
  ggml_tensor* input = nullptr;   ///< [n_in, n]
  ggml_tensor* output = nullptr;  ///< [1, n]
  std::int64_t size = 0;
};

RouterRunner::RouterRunner(const RouterMlp& mlp, RouterWeights weights, const std::string& device,
                           int threads)
    : impl_(std::make_unique<Impl>(mlp, weights, device, threads)) {}
RouterRunner::~RouterRunner() = default;
RouterRunner::RouterRunner(RouterRunner&&) noexcept = default;

int RouterRunner::n_in() const { return static_cast<int>(impl_->layers.front().weight->ne[0]); }

void RouterRunner::run(std::span<const float> inputs, std::span<float> logits) {
  if (logits.empty()) return;
  const auto n = static_cast<std::int64_t>(logits.size());
  if (n != impl_->size) impl_->build(n);
  ggml_backend_tensor_set(impl_->input, inputs.data(), 0, inputs.size_bytes());
  if (ggml_backend_graph_compute(impl_->backend.get(), impl_->graph) != GGML_STATUS_SUCCESS) {
    throw ResourceError("the router's forward pass failed");
  }
  ggml_backend_tensor_get(impl_->output, logits.data(), 0, logits.size_bytes());
}

}  // namespace citer
