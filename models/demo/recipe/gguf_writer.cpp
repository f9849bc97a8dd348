#include "gguf_writer.h"

#include <ggml.h>
#include <gguf.h>

#include <algorithm>
#include <memory>

#include "base/file.h"
#include "citer/error.h"

namespace citer::demo {

const char* const kChatTemplate =
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}"
    "{{- ' ' + (message['content'] | trim) + '<|end|>' -}}"
    "{%- elif message['role'] == 'system' -%}"
    "{{- (message['content'] | trim) + '\\n' -}}"
    "{%- elif message['role'] == 'user' -%}"
    "{{- 'Question: ' + (message['content'] | trim) -}}"
    "{{- '\\nAnswer:' if '\\nChoices:' in message['content'] else '\\nSolution:' -}}"
    "{%- endif -%}"
    "{%- endfor -%}";

namespace {

struct FreeGguf {
  void operator()(gguf_context* g) const { gguf_free(g); }
};
struct FreeGgml {
  void operator()(ggml_context* g) const { ggml_free(g); }
};

enum FileType : std::uint32_t { kAllF32 = 0, kMostlyF16 = 1, kMostlyQ8 = 7 };  // llama_ftype
enum TokenType : std::int32_t { kNormal = 1, kControl = 3 };                   // llama_token_type

FileType file_type(WeightType type) {
  return type == WeightType::kF32 ? kAllF32 : type == WeightType::kF16 ? kMostlyF16 : kMostlyQ8;
}

ggml_type tensor_type(const Tensor& tensor, WeightType type) {
  if (tensor.rows == 0 || type == WeightType::kF32) return GGML_TYPE_F32;
  const ggml_type wanted = type == WeightType::kF16 ? GGML_TYPE_F16 : GGML_TYPE_Q8_0;
  return tensor.columns % ggml_blck_size(wanted) == 0 ? wanted : GGML_TYPE_F32;
}

void set_model(gguf_context* g, const std::string& name, const Shape& shape, WeightType type) {
  gguf_set_val_str(g, "general.architecture", "llama");
  gguf_set_val_str(g, "general.name", name.c_str());
  gguf_set_val_u32(g, "general.file_type", file_type(type));
  const std::pair<const char*, int> numbers[] = {{"vocab_size", shape.vocab},
                                                 {"context_length", shape.context},
                                                 {"embedding_length", shape.embed},
                                                 {"block_count", shape.layers},
                                                 {"feed_forward_length", shape.ff},
                                                 {"attention.head_count", shape.heads},
                                                 {"attention.head_count_kv", shape.heads},
                                                 {"rope.dimension_count", shape.head_dim()}};
  for (const auto& [key, value] : numbers) {
    gguf_set_val_u32(g, (std::string("llama.") + key).c_str(), static_cast<std::uint32_t>(value));
  }
  gguf_set_val_f32(g, "llama.attention.layer_norm_rms_epsilon", shape.norm_eps);
  gguf_set_val_f32(g, "llama.rope.freq_base", shape.rope_base);
}

void set_tokenizer(gguf_context* g, const Vocabulary& vocabulary) {
  std::vector<const char*> tokens;
  std::vector<std::int32_t> types;
  for (int id = 0; id < vocabulary.size(); ++id) {
    tokens.push_back(vocabulary.stored(id).c_str());
    types.push_back(id < Vocabulary::kSpecials ? kControl : kNormal);
  }
  gguf_set_val_str(g, "tokenizer.ggml.model", "gpt2");
  gguf_set_val_str(g, "tokenizer.ggml.pre", "llama-bpe");
  gguf_set_arr_str(g, "tokenizer.ggml.tokens", tokens.data(), tokens.size());
  gguf_set_arr_data(g, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), types.size());
  // Whole words need no merges (llama-bpe looks words up first), but the list may not be empty.
  // A merge's result must be a token: llama.cpp drops the bytes of any other without a word.
  const std::string merge = ": " + to_printable("\n");
  const char* merges[] = {merge.c_str()};
  gguf_set_arr_str(g, "tokenizer.ggml.merges", merges, 1);
  gguf_set_val_u32(g, "tokenizer.ggml.bos_token_id", Vocabulary::kBegin);
  gguf_set_val_u32(g, "tokenizer.ggml.eos_token_id", Vocabulary::kEnd);
  gguf_set_val_u32(g, "tokenizer.ggml.padding_token_id", Vocabulary::kPad);
  gguf_set_val_bool(g, "tokenizer.ggml.add_bos_token", true);
  gguf_set_val_bool(g, "tokenizer.ggml.add_eos_token", false);
  gguf_set_val_str(g, "tokenizer.chat_template", kChatTemplate);
}

void add_tensor(gguf_context* g, ggml_context* memory, const Tensor& tensor, const float* values,
                WeightType type) {
  const ggml_type stored = tensor_type(tensor, type);
  ggml_tensor* out = tensor.rows == 0
                         ? ggml_new_tensor_1d(memory, stored, tensor.columns)
                         : ggml_new_tensor_2d(memory, stored, tensor.columns, tensor.rows);
  ggml_set_name(out, tensor.name.c_str());
  if (stored == GGML_TYPE_F32) {
    std::copy_n(values, tensor.size(), static_cast<float*>(out->data));
  } else {
    ggml_quantize_chunk(stored, values, out->data, 0, tensor.rows, tensor.columns, nullptr);
  }
  gguf_add_tensor(g, out);
}

}  // namespace

void write_gguf(const std::string& path, const std::string& name, const Shape& shape,
                const std::vector<float>& weights, const Vocabulary& vocabulary, WeightType type) {
  const Layout layout(shape);
  if (vocabulary.size() != shape.vocab || weights.size() != layout.size()) {
    throw InputError(path + ": the vocabulary has " + std::to_string(vocabulary.size()) +
                     " tokens, the model " + std::to_string(shape.vocab));
  }
  const std::unique_ptr<gguf_context, FreeGguf> file(gguf_init_empty());
  const std::size_t room = layout.size() * sizeof(float) +
                           layout.tensors().size() * (ggml_tensor_overhead() + 64) + 1024;
  const std::unique_ptr<ggml_context, FreeGgml> memory(ggml_init({room, nullptr, false}));
  if (!file || !memory) throw ResourceError(path + ": no memory to write it from");
  set_model(file.get(), name, shape, type);
  set_tokenizer(file.get(), vocabulary);
  for (const Tensor& tensor : layout.tensors()) {
    add_tensor(file.get(), memory.get(), tensor, weights.data() + tensor.offset, type);
  }
  replace_file(path, [&](const std::filesystem::path& temporary) {
    if (!gguf_write_to_file(file.get(), temporary.c_str(), false)) {
      throw ResourceError(temporary.string() + ": cannot be written");
    }
  });
}

}  // namespace citer::demo
