#pragma once

#include <llama.h>

#include <memory>

#include <gguf.h>

namespace citer {

struct LlamaDeleter {
  void operator()(llama_model* p) const { llama_model_free(p); }
  void operator()(llama_context* p) const { llama_free(p); }
  void operator()(llama_sampler* p) const { llama_sampler_free(p); }
  void operator()(gguf_context* p) const { gguf_free(p); }
};

using LlamaModelPtr = std::unique_ptr<llama_model, LlamaDeleter>;
using LlamaContextPtr = std::unique_ptr<llama_context, LlamaDeleter>;
using LlamaSamplerPtr = std::unique_ptr<llama_sampler, LlamaDeleter>;
using GgufPtr = std::unique_ptr<gguf_context, LlamaDeleter>;

}  // namespace citer
