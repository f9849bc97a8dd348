#include "model/model.h"

#include <ggml-backend.h>
#include <ggml.h>
#include <llama.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "citer/error.h"
#include "model/backend.h"
#include "model/gguf_file.h"
#include "model/placement.h"

namespace citer {

namespace {

/// Below this size a model's layers are too small for a second thread to pay.
constexpr std::uint64_t kOneThreadBytes = 64ULL << 20;

int choose_threads(const ModelOptions& options, const llama_model* model) {
  if (options.threads > 0) return options.threads;
  if (llama_model_size(model) < kOneThreadBytes) return 1;
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace

std::shared_ptr<Model> Model::load(const ModelOptions& options) {
  init_backends();
  read_gguf_summary(options.path);  // a clear message for what is no sound GGUF file
  const Placement placement(options);
  const ErrorCapture errors;
  LlamaModelPtr model(llama_model_load_from_file(options.path.c_str(), placement.params()));
  if (!model) {
    throw InputError(fmt::format("{}: libllama cannot load this model ({})", options.path,
                                 errors.first().empty() ? "no reason given" : errors.first()));
  }
  if (llama_vocab_type(llama_model_get_vocab(model.get())) == LLAMA_VOCAB_TYPE_NONE) {
    throw InputError(fmt::format("{}: this model has no vocabulary", options.path));
  }
  if (!llama_model_has_decoder(model.get()) || llama_model_is_diffusion(model.get())) {
    throw InputError(
        fmt::format("{}: this model does not generate text (it has no decoder)", options.path));
  }
  if (llama_model_has_encoder(model.get())) {
    throw InputError(fmt::format("{}: encoder-decoder models are not supported", options.path));
  }
  return std::shared_ptr<Model>(new Model(options, std::move(model)));
}

Model::Model(ModelOptions options, LlamaModelPtr model)
    : options_(std::move(options)),
      model_(std::move(model)),
      vocab_(llama_model_get_vocab(model_.get())),
      threads_(choose_threads(options_, model_.get())) {
  for (const LoraAdapter& adapter : options_.lora) load_adapter(adapter);
}

void Model::load_adapter(const LoraAdapter& adapter) {
  check_magic(adapter.path);
  const ErrorCapture errors;
  llama_adapter_lora* loaded = llama_adapter_lora_init(model_.get(), adapter.path.c_str());
  if (loaded == nullptr) {
    throw InputError(fmt::format("{}: no LoRA adapter for {} ({})", adapter.path, options_.path,
                                 errors.first().empty() ? "no reason given" : errors.first()));
  }
  adapters_.push_back(loaded);
}

void Model::apply_adapters(llama_context* context) const {
  if (adapters_.empty()) return;
  std::vector<llama_adapter_lora*> adapters = adapters_;
  std::vector<float> scales;
  for (const LoraAdapter& adapter : options_.lora) scales.push_back(adapter.scale);
  if (llama_set_adapters_lora(context, adapters.data(), adapters.size(), scales.data()) != 0) {
    throw ResourceError(fmt::format("{}: its LoRA adapters cannot be applied", options_.path));
  }
}

std::string Model::description() const {
  std::array<char, 256> text{};
  llama_model_desc(model_.get(), text.data(), text.size());
  return text.data();
}

std::string Model::name() const {
  std::array<char, 256> text{};
  const int n = llama_model_meta_val_str(model_.get(), "general.name", text.data(), text.size());
  return n > 0 ? text.data() : std::filesystem::path(options_.path).stem().string();
}

std::string Model::device() const {
  if (options_.n_gpu_layers == 0) return "";
  if (options_.devices.empty()) {
    ggml_backend_dev_t gpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU);
    return gpu == nullptr ? "" : ggml_backend_dev_name(gpu);
  }
  const std::string last = options_.devices.substr(options_.devices.rfind(',') + 1);
  return last == "none" ? "" : last;
}

int Model::n_embd() const { return llama_model_n_embd_out(model_.get()); }
int Model::trained_context() const { return llama_model_n_ctx_train(model_.get()); }
std::uint64_t Model::parameters() const { return llama_model_n_params(model_.get()); }
std::uint64_t Model::bytes() const { return llama_model_size(model_.get()); }

int Model::window() const { return llama_model_n_swa(model_.get()); }

std::uint64_t Model::cache_bytes_per_token() const {
  const std::int32_t heads = llama_model_n_head(model_.get());
  if (heads == 0) return 0;
  const auto row_bytes = [&](const char* head_size_key, ggml_type type) {
    const std::int64_t head_size =
        number(head_size_key).value_or(llama_model_n_embd(model_.get()) / heads);
    return ggml_row_size(type, head_size * llama_model_n_head_kv(model_.get()));
  };
  return static_cast<std::uint64_t>(llama_model_n_layer(model_.get())) *
         (row_bytes("attention.key_length", cache_type(options_.cache_type_k, "cache_type_k")) +
          row_bytes("attention.value_length", cache_type(options_.cache_type_v, "cache_type_v")));
}

MemoryKind Model::memory() const {
  if (llama_model_is_recurrent(model_.get()) || llama_model_is_hybrid(model_.get())) {
    return MemoryKind::kState;
  }
  return window() > 0 ? MemoryKind::kWindow : MemoryKind::kEveryToken;
}

std::optional<std::int64_t> Model::number(const std::string& key) const {
  const auto text = [this](const std::string& full_key) {
    std::array<char, 64> value{};
    llama_model_meta_val_str(model_.get(), full_key.c_str(), value.data(), value.size());
    return std::string(value.data());
  };
  const std::string found = text(text("general.architecture") + "." + key);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(found.data(), found.data() + found.size(), number);
  if (error != std::errc{} || end != found.data() + found.size()) return std::nullopt;
  return number;
}

std::string Model::chat_template() const {
  const char* source = llama_model_chat_template(model_.get(), nullptr);
  return source == nullptr ? "" : source;
}

VocabMatch check_pair(const Model& slm, const Model& llm) {
  VocabMatch match = match_vocabs(slm.vocab(), llm.vocab());
  if (match.is_pair()) return match;
  const std::string fault = text_fault(slm.vocab(), llm.vocab());
  if (fault.empty()) return match;
  throw InputError(fmt::format(
      "{} and {} are not a pair: their vocabularies differ: {}; nor can they share a text: {}; "
      "choose two models of one family",
      slm.options().path, llm.options().path, match.text(), fault));
}

}  // namespace citer
