#include "model/memory_need.h"

#include <ggml.h>

#include <algorithm>

#include "model/context.h"
#include "model/gguf_file.h"
#include "model/placement.h"

namespace citer {

std::uint64_t memory_needed(const ModelOptions& model, const ContextOptions& context) {
  const GgufSummary summary = read_gguf_summary(model.path);
  const auto number = [&](const char* key) {
    const std::int64_t found = summary.number(summary.architecture + "." + key);
    return static_cast<std::uint64_t>(std::max<std::int64_t>(found, 0));
  };
  const std::uint64_t heads = std::max<std::uint64_t>(number("attention.head_count"), 1);
  const std::uint64_t cached_heads = number("attention.head_count_kv");
  const auto row_bytes = [&](const char* head_size_key, ggml_type type) {
    const std::uint64_t given = number(head_size_key);
    const std::uint64_t head_size = given > 0 ? given : number("embedding_length") / heads;
    return head_size * (cached_heads > 0 ? cached_heads : heads) * ggml_type_size(type) /
           static_cast<std::uint64_t>(ggml_blck_size(type));
  };
  const std::uint64_t per_token =
      number("block_count") *
      (row_bytes("attention.key_length", cache_type(model.cache_type_k, "cache_type_k")) +
       row_bytes("attention.value_length", cache_type(model.cache_type_v, "cache_type_v")));
  const auto tokens = static_cast<std::uint64_t>(
      choose_context_size(static_cast<int>(number("context_length")), context));
  return model_file_bytes(model.path, summary) +
         per_token * tokens * static_cast<std::uint64_t>(context.sequences);
}

}  // namespace citer
