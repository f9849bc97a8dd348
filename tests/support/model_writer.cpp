#include "support/model_writer.h"

#include <fmt/format.h>

#include "citer/error.h"
#include "support/tiny_model.h"

namespace citer::test {

void write_gguf(const gguf_context* gguf, const std::filesystem::path& path) {
  if (!gguf_write_to_file(gguf, path.c_str(), /*only_meta=*/false)) {
    throw ResourceError(fmt::format("{}: cannot write", path.string()));
  }
}

GgufInMemory read_gguf(const std::filesystem::path& path) {
  ggml_context* tensors = nullptr;
  const std::unique_ptr<gguf_context, FreeGguf> original(
      gguf_init_from_file(path.c_str(), {.no_alloc = false, .ctx = &tensors}));
  if (!original) throw InputError(fmt::format("{}: cannot read", path.string()));
  GgufInMemory file;
  file.gguf.reset(gguf_init_empty());
  file.tensors.reset(tensors);
  gguf_set_kv(file.gguf.get(), original.get());
  for (ggml_tensor* t = ggml_get_first_tensor(tensors); t != nullptr;
       t = ggml_get_next_tensor(tensors, t)) {
    if (gguf_find_tensor(original.get(), t->name) < 0) continue;  // the block that holds all data
    gguf_add_tensor(file.gguf.get(), t);
  }
  return file;
}

ModelWriter::ModelWriter(const std::filesystem::path& path, std::string architecture,
                         std::uint64_t seed, int layers)
    : path_(path), architecture_(std::move(architecture)), rng_(seed) {
  write_tiny_model(path);
  tokenizer_ = read_gguf(path);
  gguf_.reset(gguf_init_empty());
  gguf_set_kv(gguf_.get(), tokenizer_.gguf.get());
  gguf_set_val_str(gguf_.get(), "general.architecture", architecture_.c_str());
  tensors_.reset(ggml_init({std::size_t{4} << 20, nullptr, /*no_alloc=*/false}));
  set("vocab_size", tiny_vocab_size());
  set("context_length", kOddContext);
  set("embedding_length", kOddEmbd);
  set("block_count", layers);
}

void ModelWriter::set(const std::string& key, int value) {
  gguf_set_val_u32(gguf_.get(), full(key).c_str(), static_cast<std::uint32_t>(value));
}

void ModelWriter::set(const std::string& key, std::initializer_list<std::int32_t> values) {
  gguf_set_arr_data(gguf_.get(), full(key).c_str(), GGUF_TYPE_INT32, std::data(values),
                    values.size());
}

void ModelWriter::set_float(const std::string& key, float value) {
  gguf_set_val_f32(gguf_.get(), full(key).c_str(), value);
}

void ModelWriter::set_bool(const std::string& key, bool value) {
  gguf_set_val_bool(gguf_.get(), full(key).c_str(), value);
}

void ModelWriter::set_token_types(int n) {
  gguf_set_val_u32(gguf_.get(), "tokenizer.ggml.token_type_count", static_cast<std::uint32_t>(n));
}

void ModelWriter::add(const std::string& name, std::initializer_list<std::int64_t> shape,
                      float spread, float middle) {
  ggml_tensor* tensor = ggml_new_tensor(tensors_.get(), GGML_TYPE_F32,
                                        static_cast<int>(shape.size()), std::data(shape));
  auto* values = static_cast<float*>(tensor->data);
  for (std::int64_t i = 0; i < ggml_nelements(tensor); ++i) {
    values[i] = middle + spread * static_cast<float>(2 * rng_.unit() - 1);
  }
  ggml_set_name(tensor, name.c_str());
  gguf_add_tensor(gguf_.get(), tensor);
}

}  // namespace citer::test
