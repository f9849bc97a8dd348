#include "model/device_rows.h"

#include <ggml-backend.h>
#include <ggml.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/format.h>

#include "citer/error.h"
#include "model/row_reader.h"

namespace citer {

namespace {

/// A row is cut into blocks of so many tokens: the likeliest are among those of as many blocks.
/// With 151,936 tokens 2,374 and then 4,096 numbers are sorted in place of all.
constexpr std::int64_t kBlock = 64;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// The largest of each `n` neighbours in a row. [rows.ne0 / n, rows]
ggml_tensor* largest_of(ggml_context* context, ggml_tensor* rows, std::int64_t n) {
  const int width = static_cast<int>(n);
  return ggml_pool_2d(context, rows, GGML_OP_POOL_MAX, width, 1, width, 1, 0, 0);
}

/// What stands at `places` [k, rows] of each row, in pieces of `n`. [n, k, rows]
ggml_tensor* at(ggml_context* context, ggml_tensor* rows, ggml_tensor* places, std::int64_t n) {
  const std::int64_t pieces = rows->ne[0] / n;
  return ggml_get_rows(context, ggml_reshape_3d(context, rows, n, pieces, rows->ne[1]), places);
}

/// The first `n` logits of each row.
ggml_tensor* beginnings(ggml_context* context, ggml_tensor* logits, std::int64_t n) {
  if (n == logits->ne[0]) return logits;
  return ggml_cont(context, ggml_view_2d(context, logits, n, logits->ne[1], logits->nb[1], 0));
}

template <typename T>
void copy(const ggml_tensor* tensor, std::vector<T>& to) {
  to.resize(index(ggml_nelements(tensor)));
  ggml_backend_tensor_get(tensor, to.data(), 0, to.size() * sizeof(T));
}

}  // namespace

DeviceReading device_reading(const std::string& row_reading, const Model& model) {
  if (row_reading == "auto") return {.allowed = !model.device().empty()};
  if (row_reading == "device") return {.allowed = true, .anywhere = true};
  if (row_reading == "host") return {};
  throw FieldError({"row_reading"},
                   fmt::format("expected device, host or auto, found '{}'", row_reading));
}

/// What libllama calls.
struct DeviceRows::Interface {
  static DeviceRows& of(const llama_sampler* sampler) {
    return *static_cast<DeviceRows*>(sampler->ctx);
  }
  static const char* name(const llama_sampler* /*sampler*/) { return "rows"; }
  static void apply(llama_sampler* /*sampler*/, llama_token_data_array* /*candidates*/) {}

  static bool init(llama_sampler* sampler, ggml_backend_buffer_type_t type, std::uint32_t /*n*/) {
    DeviceRows& rows = of(sampler);
    if (rows.device_ == nullptr) {
      rows.device_ = ggml_backend_buft_get_device(type);
      if (rows.device_ == nullptr) {  // plain memory
        rows.device_ = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
      }
      rows.supported_ = rows.is_supported();
    }
    return true;
  }

  static void reset(llama_sampler* sampler) { of(sampler).added_ = false; }

  static void add(llama_sampler* sampler, ggml_context* context, ggml_cgraph* graph,
                  llama_sampler_data* data) {
    DeviceRows& rows = of(sampler);
    // One row of all rows, to which libllama has added an empty one.
    ggml_tensor* logits = data->logits->view_src == nullptr ? data->logits : data->logits->view_src;
    if (logits->op == GGML_OP_PAD) logits = logits->src[0];
    *data = {};  // there is nothing that libllama should copy
    if (rows.added_ || logits->ne[1] == 0) return;
    rows.added_ = true;
    rows.add_nodes(context, graph, logits);
  }
};

DeviceRows::DeviceRows(int n_vocab, int sequences) : n_vocab_(index(n_vocab)) {
  static llama_sampler_i interface = [] {
    llama_sampler_i functions{};
    functions.name = Interface::name;
    functions.apply = Interface::apply;
    functions.backend_init = Interface::init;
    functions.backend_reset = Interface::reset;
    functions.backend_apply = Interface::add;
    return functions;
  }();
  for (int sequence = 0; sequence < sequences; ++sequence) {
    LlamaSamplerPtr chain(llama_sampler_chain_init(llama_sampler_chain_default_params()));
    llama_sampler_chain_add(chain.get(), llama_sampler_init(&interface, this));
    configs_.push_back({sequence, chain.get()});
    samplers_.push_back(std::move(chain));
  }
}

void DeviceRows::attach(llama_context_params& params, int max_rows) {
  params.samplers = configs_.data();
  params.n_samplers = configs_.size();
  params.n_outputs_max = params.n_outputs_max_per_seq = static_cast<std::uint32_t>(max_rows);
}

bool DeviceRows::works(bool anywhere) const {
  return supported_ && (anywhere || ggml_backend_dev_type(device_) == GGML_BACKEND_DEVICE_TYPE_GPU);
}

bool DeviceRows::is_supported() {
  constexpr std::size_t kNodes = 64;
  const std::unique_ptr<ggml_context, void (*)(ggml_context*)> context(
      ggml_init({.mem_size = kNodes * ggml_tensor_overhead() + ggml_graph_overhead(),
                 .mem_buffer = nullptr,
                 .no_alloc = true}),
      ggml_free);
  ggml_cgraph* graph = ggml_new_graph(context.get());
  const auto n = static_cast<std::int64_t>(n_vocab_);
  add_nodes(context.get(), graph, ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, n, 2));
  nodes_ = {};
  for (int i = 0; i < ggml_graph_n_nodes(graph); ++i) {
    if (!ggml_backend_dev_supports_op(device_, ggml_graph_node(graph, i))) return false;
  }
  return true;
}

void DeviceRows::add_nodes(ggml_context* context, ggml_cgraph* graph, ggml_tensor* logits) {
  // libllama's graphs call the state so that the output matrix is applied to.
  nodes_ = {.logits = logits, .hidden = ggml_graph_get_tensor(graph, "result_norm")};
  const auto n = std::min(logits->ne[0], static_cast<std::int64_t>(n_vocab_));
  const auto k = std::min(n, static_cast<std::int64_t>(kLikeliest));
  ggml_tensor* rows = beginnings(context, logits, n);
  ggml_tensor* searched = rows;
  // To sort a long row takes a device longer than all the rest.
  if (n % kBlock == 0 && n / kBlock > 2 * k) {
    nodes_.blocks = ggml_top_k(context, largest_of(context, rows, kBlock), static_cast<int>(k));
    ggml_tensor* found = at(context, rows, nodes_.blocks, kBlock);
    searched = ggml_reshape_2d(context, found, kBlock * k, rows->ne[1]);
  }
  nodes_.places = ggml_top_k(context, searched, static_cast<int>(k));
  ggml_tensor* likeliest =
      ggml_reshape_2d(context, at(context, searched, nodes_.places, 1), k, rows->ne[1]);
  ggml_tensor* x = ggml_sub(context, rows, largest_of(context, likeliest, k));
  ggml_tensor* share = ggml_exp(context, x);
  ggml_tensor* sum = ggml_sum_rows(context, share);
  ggml_tensor* weighted = ggml_sum_rows(context, ggml_mul(context, x, share));
  nodes_.figures = ggml_concat(context, likeliest, ggml_concat(context, sum, weighted, 0), 0);
  for (ggml_tensor* kept : {nodes_.blocks, nodes_.places, nodes_.figures}) {
    if (kept == nullptr) continue;
    ggml_set_output(kept);
    ggml_build_forward_expand(graph, kept);
  }
  if (nodes_.hidden != nullptr) ggml_set_output(nodes_.hidden);
}

void DeviceRows::take(std::size_t rows) {
  if (nodes_.logits == nullptr || index(nodes_.logits->ne[1]) != rows) {
    throw ResourceError(fmt::format("rows of logits on {}: expected {} of one pass, found {}",
                                    ggml_backend_dev_name(device_), rows,
                                    nodes_.logits == nullptr ? 0 : nodes_.logits->ne[1]));
  }
  blocks_.clear();
  if (nodes_.blocks != nullptr) copy(nodes_.blocks, blocks_);
  copy(nodes_.places, places_);
  copy(nodes_.figures, figures_);
  whole_.clear();
}

std::optional<RowStats> DeviceRows::read(std::size_t i, bool sums,
                                         std::span<TokenLogit> likeliest) const {
  const std::size_t k = index(nodes_.places->ne[0]);
  const float* figures = figures_.data() + i * (k + 2);
  const double sum = figures[k];
  const double weighted = figures[k + 1];
  // What is not a finite number makes one of them so.
  if (!std::isfinite(sum) || !std::isfinite(weighted)) return std::nullopt;
  for (std::size_t j = 0; j < k; ++j) {
    std::int32_t token = places_[i * k + j];
    if (!blocks_.empty()) {
      const std::int32_t block = blocks_[i * k + index(token / kBlock)];
      token = static_cast<std::int32_t>(block * kBlock + token % kBlock);
    }
    likeliest[j] = {token, figures[j]};
  }
  const auto listed = likeliest.first(k);
  std::sort(listed.begin(), listed.end(), is_likelier);
  RowStats stats{.n_vocab = n_vocab_, .likeliest = listed};
  if (!sums) return stats;
  stats.log_sum = std::log(sum);
  stats.entropy = stats.log_sum - weighted / sum;
  return stats;
}

std::span<const float> DeviceRows::logits(std::size_t i) {
  std::vector<float>& row = whole_.emplace_back(n_vocab_);
  ggml_backend_tensor_get(nodes_.logits, row.data(), i * nodes_.logits->nb[1],
                          n_vocab_ * sizeof(float));
  return row;
}

std::vector<float> DeviceRows::hidden() const {
  std::vector<float> states;
  if (nodes_.hidden != nullptr) copy(nodes_.hidden, states);
  return states;
}

}  // namespace citer
