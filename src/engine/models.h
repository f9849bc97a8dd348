#pragma once

#include <memory>

#include "citer/service.h"
#include "decode/decoder.h"
#include "model/context.h"

namespace citer {

/// What a service runs on its thread: a context of each model, and the decoder over them.
struct Models {
  /// Sequences beyond options.context.sequences are no slots of the decoder. Throws as Service's
  /// constructor does.
  Models(const Pair& pair, const ServiceOptions& options);

  ModelContext slm;
  std::unique_ptr<Context> llm_owner;
  Context& llm;
  Decoder decoder;
};

ModelFacts facts_of(const Model& model);

/// Bytes that a model takes with `context_size` cached tokens; libllama's buffers for passes come
/// on top.
std::uint64_t bytes_with_context(const ModelFacts& model, int context_size);

}  // namespace citer
