#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "citer/model_options.h"
#include "model/llama_ptr.h"
#include "model/vocab.h"
#include "model/vocab_match.h"

namespace citer {

/// What a model keeps of the tokens it has read, and so how it can take them back.
enum class MemoryKind {
  kEveryToken,  ///< keys and values of each: back to any token
  kWindow,      ///< in some layers those of the last tokens alone: back as far as they are there
  kState,       ///< in some layers or all one recurrent state: back to where a copy was kept
};

/// A GGUF model's weights and vocabulary. Immutable after load(); may be shared by contexts.
class Model {
 public:
  /// Throws InputError (missing, not a GGUF, truncated, no decoder, unknown device, an adapter of
  /// another model), FieldError (options) or ResourceError (does not fit), naming the file.
  static std::shared_ptr<Model> load(const ModelOptions& options);

  const ModelOptions& options() const { return options_; }
  const Vocab& vocab() const { return vocab_; }
  llama_model* handle() const { return model_.get(); }

  std::string name() const;          ///< general.name, or the file's name
  std::string description() const;   ///< e.g. "llama 1.7B Q8_0"
  int n_embd() const;                ///< width of a hidden state
  int trained_context() const;       ///< tokens
  std::uint64_t parameters() const;  ///< number of weights
  std::uint64_t bytes() const;       ///< size of all tensors
  MemoryKind memory() const;         ///< hybrid models keep states
  /// Bytes of keys and values that one cached token takes, where every layer keeps it; 0 if
  /// unknown.
  std::uint64_t cache_bytes_per_token() const;
  int window() const;  ///< tokens that layers with a sliding window see; 0: none
  /// The integer under "<architecture>.<key>" in the file's metadata, if there is one.
  std::optional<std::int64_t> number(const std::string& key) const;
  std::string chat_template() const;  ///< Jinja source, "" if the file has none
  /// Lets a context of this model run with the adapters. Throws ResourceError.
  void apply_adapters(llama_context* context) const;
  int threads() const { return threads_; }  ///< CPU threads its contexts use
  /// The device that holds its last layer, by ggml's name; "" for the CPU.
  std::string device() const;

 private:
  Model(ModelOptions options, LlamaModelPtr model);
  void load_adapter(const LoraAdapter& adapter);

  ModelOptions options_;
  LlamaModelPtr model_;
  Vocab vocab_;
  int threads_;
  std::vector<llama_adapter_lora*> adapters_;  ///< the model's own; freed with it
};

/// How the two models' vocabularies go together. Throws InputError naming both files, the first
/// differences, and why text does not bridge them (text_fault()), where that is so.
VocabMatch check_pair(const Model& slm, const Model& llm);

}  // namespace citer
