#include "model/placement.h"

#include <llama.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "citer/error.h"
#include "model/backend.h"
#include "model/gguf_file.h"

namespace citer {

namespace {

/// What llama.cpp's models call the matrices of experts.
constexpr const char* kExperts = R"(\.ffn_(up|down|gate|gate_up)_(ch|)exps)";

llama_split_mode split_mode(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, llama_split_mode>, 4> kModes = {
      {{"none", LLAMA_SPLIT_MODE_NONE},
       {"layer", LLAMA_SPLIT_MODE_LAYER},
       {"row", LLAMA_SPLIT_MODE_ROW},
       {"tensor", LLAMA_SPLIT_MODE_TENSOR}}};
  for (const auto& [known, mode] : kModes) {
    if (name == known) return mode;
  }
  throw FieldError({"split_mode"},
                   fmt::format("expected none, layer, row or tensor, found '{}'", name));
}

ggml_backend_buffer_type_t buffer_type(const std::string& name) {
  std::vector<std::string> known;
  for (ggml_backend_dev_t device : all_devices()) {
    ggml_backend_buffer_type_t type = ggml_backend_dev_buffer_type(device);
    if (name == ggml_backend_buft_name(type)) return type;
    known.emplace_back(ggml_backend_buft_name(type));
  }
  throw FieldError({"override_tensor"},
                   fmt::format("no buffer type '{}'; there are: {}", name, fmt::join(known, ", ")));
}

}  // namespace

Placement::Placement(const ModelOptions& options) : params_(llama_model_default_params()) {
  init_backends();  // which brings the devices
  params_.n_gpu_layers = options.n_gpu_layers;
  params_.load_mode = options.mmap ? LLAMA_LOAD_MODE_AUTO : LLAMA_LOAD_MODE_NONE;
  cache_type(options.cache_type_k, "cache_type_k");
  cache_type(options.cache_type_v, "cache_type_v");
  choose_devices(options);
  split(options);
  override_tensors(options);
  // Who says where tensors lie has seen to it that they fit.
  if (options.fit && options.n_gpu_layers < 0 && overrides_.empty()) fit(options);
}

void Placement::choose_devices(const ModelOptions& options) {
  std::string_view rest = options.devices;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string name(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    if (name == "none") continue;
    devices_.push_back(find_device(name));
  }
  if (options.devices.empty()) return;
  devices_.push_back(nullptr);
  params_.devices = devices_.data();
}

void Placement::split(const ModelOptions& options) {
  params_.split_mode = split_mode(options.split_mode);
  if (options.main_gpu < 0) {
    throw FieldError({"main_gpu"},
                     fmt::format("expected the index of a device, found {}", options.main_gpu));
  }
  params_.main_gpu = options.main_gpu;
  if (options.tensor_split.empty()) return;
  const auto& shares = options.tensor_split;
  const bool is_share = std::all_of(shares.begin(), shares.end(), [](float s) { return s >= 0; });
  if (!is_share || std::accumulate(shares.begin(), shares.end(), 0.0F) <= 0 ||
      shares.size() > llama_max_devices()) {
    throw FieldError({"tensor_split"},
                     fmt::format("expected at most {} shares of 0 or more, not all 0, found {}",
                                 llama_max_devices(), fmt::join(shares, ",")));
  }
  shares_ = shares;
  shares_.resize(llama_max_devices(), 0.0F);
  params_.tensor_split = shares_.data();
}

void Placement::override_tensors(const ModelOptions& options) {
  // No pattern moves once libllama knows where it is.
  patterns_.reserve(options.override_tensor.size() +
                    static_cast<std::size_t>(std::max(0, options.n_cpu_moe)) + 1);
  for (const auto& [pattern, type] : options.override_tensor) add_override(pattern, type);
  if (options.cpu_moe) add_override(kExperts, "CPU");
  for (int layer = 0; layer < options.n_cpu_moe; ++layer) {
    add_override(fmt::format(R"(blk\.{}{})", layer, kExperts), "CPU");
  }
  if (overrides_.empty()) return;
  overrides_.push_back({nullptr, nullptr});
  params_.tensor_buft_overrides = overrides_.data();
}

void Placement::add_override(const std::string& pattern, const std::string& type) {
  patterns_.push_back(pattern);
  overrides_.push_back({patterns_.back().c_str(), buffer_type(type)});
}

void Placement::fit(const ModelOptions& options) {
  std::vector<ggml_backend_dev_t> gpus = options.devices.empty() ? all_devices() : devices_;
  std::erase_if(gpus,
                [](ggml_backend_dev_t device) { return device == nullptr || !is_gpu(device); });
  if (gpus.empty()) return;
  const auto kept = static_cast<std::uint64_t>(std::max(0, options.fit_target)) << 20;
  std::uint64_t free = 0;
  for (ggml_backend_dev_t gpu : gpus) {
    std::size_t gpu_free = 0;
    std::size_t gpu_total = 0;
    ggml_backend_dev_memory(gpu, &gpu_free, &gpu_total);
    free += gpu_free - std::min<std::uint64_t>(gpu_free, kept);
  }
  const GgufSummary summary = read_gguf_summary(options.path);
  params_.n_gpu_layers = layers_that_fit(
      model_file_bytes(options.path, summary),
      static_cast<int>(summary.number(summary.architecture + ".block_count")), free);
}

ggml_type cache_type(const std::string& name, const char* field) {
  for (ggml_type type :
       {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q5_1,
        GGML_TYPE_Q5_0, GGML_TYPE_Q4_1, GGML_TYPE_Q4_0, GGML_TYPE_IQ4_NL}) {
    if (name == ggml_type_name(type)) return type;
  }
  throw FieldError(
      {field},
      fmt::format("expected f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0 or iq4_nl, found '{}'",
                  name));
}

int layers_that_fit(std::uint64_t weights, int layers, std::uint64_t free) {
  if (weights <= free || layers <= 0) return -1;
  return static_cast<int>(static_cast<double>(free) / static_cast<double>(weights) * layers);
}

}  // namespace citer
