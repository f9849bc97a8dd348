#pragma once

#include <cstdint>

#include "citer/model_options.h"

namespace citer {

/// Bytes that a model and its context will take, by its file alone, which is not loaded: weights,
/// and keys and values of all sequences at their full length. Layers that keep less are counted as
/// if they did not; what passes need is left out. Throws as read_gguf_summary() does, and
/// FieldError (types of keys and values).
std::uint64_t memory_needed(const ModelOptions& model, const ContextOptions& context);

}  // namespace citer
