#include "learn/mlp_trainer.h"

#include <ggml-backend.h>
#include <ggml-cpp.h>
#include <ggml-opt.h>
#include <ggml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "base/rng.h"
#include "citer/error.h"
#include "route/router_runner.h"

namespace citer {

namespace {

struct OptDeleter {
  void operator()(ggml_opt_context_t opt) const { ggml_opt_free(opt); }
};
using OptPtr = std::unique_ptr<ggml_opt_context, OptDeleter>;

struct Layer {
  ggml_tensor* weight;          ///< [n_in, n_out]
  ggml_tensor* bias;            ///< [n_out]
  ggml_tensor* mask = nullptr;  ///< [n_out, batch]: 0 or 1 / (1 - dropout); none after the last
};

ggml_context_ptr make_context(std::size_t bytes) {
  return ggml_context_ptr(ggml_init({.mem_size = bytes, .mem_buffer = nullptr, .no_alloc = true}));
}

RouterMlp random_mlp(const std::vector<int>& widths, std::uint64_t seed) {
  Rng rng(seed);
  RouterMlp mlp;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    DenseLayer layer{widths[i], widths[i + 1], {}, {}};
    const double bound = std::sqrt(6.0 / widths[i]);
    layer.weight.resize(static_cast<std::size_t>(widths[i]) *
                        static_cast<std::size_t>(widths[i + 1]));
    for (float& w : layer.weight) w = static_cast<float>(bound * (2 * rng.unit() - 1));
    layer.bias.assign(static_cast<std::size_t>(widths[i + 1]), 0.0F);
    mlp.push_back(std::move(layer));
  }
  return mlp;
}

}  // namespace

struct MlpTrainer::Impl {
  explicit Impl(const MlpTrainerOptions& o);

  void make_inputs();
  ggml_tensor* loss_rows();
  void fill_masks();
  RouterMlp read(const std::function<ggml_tensor*(ggml_tensor*)>& which) const;
  static ggml_opt_optimizer_params parameters(void* self);

  MlpTrainerOptions options;
  Rng rng;
  double rate = 1.0;
  ggml_backend_ptr backend;
  ggml_backend_sched_ptr scheduler;
  ggml_context_ptr fixed;    ///< weights, inputs, masks
  ggml_context_ptr compute;  ///< the forward graph
  ggml_backend_buffer_ptr buffer;
  std::vector<Layer> layers;
  ggml_tensor* inputs = nullptr;   ///< [n_in, batch]
  ggml_tensor* split = nullptr;    ///< [1, 2]: the logit to the two actions' half logits
  ggml_tensor* mixture = nullptr;  ///< [2, batch]: slm and llm of each row
  ggml_tensor* weights = nullptr;  ///< [1, batch]: minus weight / batch
  OptPtr opt;
  std::vector<float> scratch;
};

MlpTrainer::Impl::Impl(const MlpTrainerOptions& o) : options(o), rng(mix64(o.seed + 1)) {
  backend = open_backend("", o.threads);
  ggml_backend_t list = backend.get();
  scheduler.reset(ggml_backend_sched_new(&list, nullptr, 1, GGML_DEFAULT_GRAPH_SIZE, false, false));
  make_inputs();
  buffer.reset(ggml_backend_alloc_ctx_tensors(fixed.get(), backend.get()));
  if (!buffer) throw ResourceError("the router's training does not fit into memory");
  const std::array<float, 2> halves = {0.5F, -0.5F};
  ggml_backend_tensor_set(split, halves.data(), 0, sizeof halves);

  compute = make_context(GGML_DEFAULT_GRAPH_SIZE * ggml_tensor_overhead() +
                         3 * ggml_graph_overhead_custom(GGML_DEFAULT_GRAPH_SIZE, true));
  ggml_opt_params params = ggml_opt_default_params(scheduler.get(), GGML_OPT_LOSS_TYPE_SUM);
  params.ctx_compute = compute.get();
  params.inputs = inputs;
  params.outputs = loss_rows();
  params.opt_period = o.gradients_only ? 1 << 30 : 1;
  params.get_opt_pars = parameters;
  params.get_opt_pars_ud = this;
  opt.reset(ggml_opt_init(params));
}

void MlpTrainer::Impl::make_inputs() {
  const std::size_t n_layers = options.widths.size() - 1;
  fixed = make_context((3 * n_layers + 4) * ggml_tensor_overhead());
  ggml_context* ctx = fixed.get();
  const std::int64_t batch = options.batch;
  for (std::size_t i = 0; i < n_layers; ++i) {
    const std::int64_t n_out = options.widths[i + 1];
    Layer layer{ggml_new_tensor_2d(ctx, GGML_TYPE_F32, options.widths[i], n_out),
                ggml_new_tensor_1d(ctx, GGML_TYPE_F32, n_out)};
    ggml_set_param(layer.weight);
    ggml_set_param(layer.bias);
    if (i + 1 < n_layers) layer.mask = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, n_out, batch);
    layers.push_back(layer);
  }
  inputs = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, options.widths.front(), batch);
  split = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, 1, 2);
  mixture = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, 2, batch);
  weights = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, 1, batch);
  ggml_set_input(inputs);
}

/// The rows' losses [1, batch], from operations that ggml can differentiate.
ggml_tensor* MlpTrainer::Impl::loss_rows() {
  ggml_context* ctx = compute.get();
  ggml_tensor* x = inputs;
  for (const Layer& layer : layers) {
    x = ggml_add(ctx, ggml_mul_mat(ctx, layer.weight, x), layer.bias);
    if (layer.mask != nullptr) x = ggml_mul(ctx, ggml_relu(ctx, x), layer.mask);
  }
  // softmax([z/2, -z/2]) = (sigmoid(z), 1 - sigmoid(z)): the probabilities of SLM and LLM.
  ggml_tensor* actions = ggml_soft_max(ctx, ggml_mul_mat(ctx, split, x));
  ggml_tensor* likelihood = ggml_sum_rows(ctx, ggml_mul(ctx, actions, mixture));
  constexpr float kFloor = 1e-7F;  // of a likelihood, so that its logarithm is finite
  likelihood = ggml_scale_bias(ctx, likelihood, 1.0F - kFloor, kFloor);
  return ggml_mul(ctx, ggml_log(ctx, likelihood), weights);
}

ggml_opt_optimizer_params MlpTrainer::Impl::parameters(void* self) {
  const auto& impl = *static_cast<const Impl*>(self);
  ggml_opt_optimizer_params p = ggml_opt_get_default_optimizer_params(nullptr);
  p.adamw.alpha = static_cast<float>(impl.options.learning_rate * impl.rate);
  p.adamw.wd = static_cast<float>(impl.options.weight_decay);
  return p;
}

/// Dropout: eight units from each 64 random bits.
void MlpTrainer::Impl::fill_masks() {
  const auto dropped = static_cast<std::uint64_t>(std::lround(options.dropout * 256));
  const auto kept = static_cast<float>(256.0 / (256.0 - static_cast<double>(dropped)));
  for (const Layer& layer : layers) {
    if (layer.mask == nullptr) continue;
    scratch.resize(static_cast<std::size_t>(ggml_nelements(layer.mask)));
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < scratch.size(); ++i) {
      bits = i % 8 == 0 ? rng() : bits >> 8;
      scratch[i] = (bits & 0xff) < dropped ? 0.0F : kept;
    }
    ggml_backend_tensor_set(layer.mask, scratch.data(), 0, ggml_nbytes(layer.mask));
  }
}

RouterMlp MlpTrainer::Impl::read(const std::function<ggml_tensor*(ggml_tensor*)>& which) const {
  RouterMlp mlp;
  const auto values = [&](ggml_tensor* tensor) {
    std::vector<float> result(static_cast<std::size_t>(ggml_nelements(tensor)));
    ggml_backend_tensor_get(which(tensor), result.data(), 0, ggml_nbytes(tensor));
    return result;
  };
  for (const Layer& layer : layers) {
    mlp.push_back({static_cast<int>(layer.weight->ne[0]), static_cast<int>(layer.weight->ne[1]),
                   values(layer.weight), values(layer.bias)});
  }
  return mlp;
}

MlpTrainer::MlpTrainer(const MlpTrainerOptions& options) : impl_(std::make_unique<Impl>(options)) {
  set(random_mlp(options.widths, options.seed));
}
MlpTrainer::~MlpTrainer() = default;

double MlpTrainer::step(const MlpBatch& batch, double rate) {
  Impl& impl = *impl_;
  impl.rate = rate;
  const auto rows = static_cast<std::size_t>(impl.options.batch);
  std::vector<float>& padded = impl.scratch;
  const auto fill = [&](ggml_tensor* tensor, std::span<const float> values) {
    padded.assign(values.begin(), values.end());
    padded.resize(static_cast<std::size_t>(ggml_nelements(tensor)), 0.0F);
    ggml_backend_tensor_set(tensor, padded.data(), 0, ggml_nbytes(tensor));
  };
  fill(impl.inputs, batch.inputs);
  std::vector<float> pairs(2 * rows, 1.0F);  // missing rows: log 1 = 0
  std::vector<float> factors(rows, 0.0F);
  for (std::size_t i = 0; i < batch.slm.size(); ++i) {
    pairs[2 * i] = batch.slm[i];
    pairs[2 * i + 1] = batch.llm[i];
    factors[i] = -batch.weight[i] / static_cast<float>(rows);
  }
  fill(impl.mixture, pairs);
  fill(impl.weights, factors);
  impl.fill_masks();
  ggml_opt_alloc(impl.opt.get(), true);
  ggml_opt_eval(impl.opt.get(), nullptr);
  float loss = 0.0F;
  ggml_backend_tensor_get(ggml_opt_loss(impl.opt.get()), &loss, 0, sizeof loss);
  return loss;
}

RouterMlp MlpTrainer::mlp() const {
  return impl_->read([](ggml_tensor* tensor) { return tensor; });
}

void MlpTrainer::set(const RouterMlp& mlp) {
  for (std::size_t i = 0; i < mlp.size(); ++i) {
    const Layer& layer = impl_->layers[i];
    ggml_backend_tensor_set(layer.weight, mlp[i].weight.data(), 0, ggml_nbytes(layer.weight));
    ggml_backend_tensor_set(layer.bias, mlp[i].bias.data(), 0, ggml_nbytes(layer.bias));
  }
}

RouterMlp MlpTrainer::gradients() const {
  return impl_->read(
      [&](ggml_tensor* tensor) { return ggml_opt_grad_acc(impl_->opt.get(), tensor); });
}

}  // namespace citer
