#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "gguf.h"
#include "support/tiny_model.h"

namespace citer::test {

/// Writes a copy of GGUF file `from` whose metadata `edit` has changed.
void edit_gguf(const std::filesystem::path& from, const std::filesystem::path& to,
               const std::function<void(gguf_context*)>& edit);

/// A T5 encoder: a sound model that libllama loads and that has no decoder.
void write_encoder_model(const std::filesystem::path& path);

/// A BERT-like embedder: libllama says it decodes, but it keeps no KV cache.
void write_embedder_model(const std::filesystem::path& path);

/// A copy of a tiny model (of type F32) with noise on every matrix, of `noise` times its deviation:
/// it mostly agrees with the first, as a better model of the same family does.
void write_close_model(const std::filesystem::path& from, const std::filesystem::path& to,
                       float noise, std::uint64_t seed = 1);

/// A LoRA adapter of rank 2 for the query matrices of the tiny model (of type F32) `base`; and, in
/// `merged`, that model with `scale` times the adapter added to its weights.
void write_lora_adapter(const std::filesystem::path& base, const std::filesystem::path& adapter,
                        const std::filesystem::path& merged, float scale = 1.0F);

/// A tiny model (of type F32) that gives NaN for every logit.
void write_nan_model(const std::filesystem::path& path, const TinyModelOptions& options = {});

}  // namespace citer::test
