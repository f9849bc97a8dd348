#include "model/gguf_file.h"

#include <ggml.h>
#include <llama.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>

#include <fmt/format.h>

#include "base/file.h"
#include "citer/error.h"
#include "model/backend.h"
#include "model/llama_ptr.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

template <typename T>
std::string scalar_text(const void* data, std::size_t i) {
  return fmt::format("{}", static_cast<const T*>(data)[i]);
}

std::string element_text(gguf_type type, const void* data, std::size_t i) {
  switch (type) {
    case GGUF_TYPE_UINT8:
      return scalar_text<std::uint8_t>(data, i);
    case GGUF_TYPE_INT8:
      return scalar_text<std::int8_t>(data, i);
    case GGUF_TYPE_UINT16:
      return scalar_text<std::uint16_t>(data, i);
    case GGUF_TYPE_INT16:
      return scalar_text<std::int16_t>(data, i);
    case GGUF_TYPE_UINT32:
      return scalar_text<std::uint32_t>(data, i);
    case GGUF_TYPE_INT32:
      return scalar_text<std::int32_t>(data, i);
    case GGUF_TYPE_FLOAT32:
      return scalar_text<float>(data, i);
    case GGUF_TYPE_BOOL:
      return static_cast<const bool*>(data)[i] ? "true" : "false";
    case GGUF_TYPE_UINT64:
      return scalar_text<std::uint64_t>(data, i);
    case GGUF_TYPE_INT64:
      return scalar_text<std::int64_t>(data, i);
    case GGUF_TYPE_FLOAT64:
      return scalar_text<double>(data, i);
    default:
      return "?";
  }
}

std::string array_text(const gguf_context* gguf, std::int64_t key) {
  constexpr std::size_t kShown = 4;
  const std::size_t n = gguf_get_arr_n(gguf, key);
  const gguf_type type = gguf_get_arr_type(gguf, key);
  std::string text = "[";
  for (std::size_t i = 0; i < std::min(n, kShown); ++i) {
    if (i > 0) text += ", ";
    text += type == GGUF_TYPE_STRING ? fmt::format("\"{}\"", gguf_get_arr_str(gguf, key, i))
                                     : element_text(type, gguf_get_arr_data(gguf, key), i);
  }
  return text + (n > kShown ? fmt::format(", ... {} in all]", n) : "]");
}

std::string value_text(const gguf_context* gguf, std::int64_t key) {
  const gguf_type type = gguf_get_kv_type(gguf, key);
  if (type == GGUF_TYPE_ARRAY) return array_text(gguf, key);
  if (type == GGUF_TYPE_STRING) return gguf_get_val_str(gguf, key);
  return element_text(type, gguf_get_val_data(gguf, key), 0);
}

std::string string_or_empty(const gguf_context* gguf, const char* name) {
  const std::int64_t key = gguf_find_key(gguf, name);
  const bool is_string = key >= 0 && gguf_get_kv_type(gguf, key) == GGUF_TYPE_STRING;
  return is_string ? gguf_get_val_str(gguf, key) : "";
}

}  // namespace

void check_magic(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) throw InputError(fmt::format("{}: no such file", path.string()));
  if (fs::is_directory(path, error)) {
    throw InputError(fmt::format("{}: is a directory, expected a GGUF file", path.string()));
  }
  const FilePtr file(std::fopen(path.c_str(), "rb"));
  if (!file) throw InputError(fmt::format("{}: cannot be opened for reading", path.string()));
  char magic[4] = {};
  const std::size_t n = std::fread(magic, 1, sizeof magic, file.get());
  if (n == 4 && std::string_view(magic, 4) == "GGUF") return;
  std::string found;
  for (std::size_t i = 0; i < n; ++i)
    found += fmt::format("{:02x}", static_cast<unsigned char>(magic[i]));
  throw InputError(fmt::format("{}: not a GGUF file (starts with bytes '{}', expected '47475546')",
                               path.string(), found));
}

GgufSummary read_gguf_summary(const fs::path& path) {
  init_backends();
  check_magic(path);
  const ErrorCapture errors;
  ggml_context* meta = nullptr;
  const GgufPtr gguf(gguf_init_from_file(path.c_str(), {.no_alloc = true, .ctx = &meta}));
  const std::unique_ptr<ggml_context, decltype(&ggml_free)> meta_owner(meta, ggml_free);
  if (!gguf) {
    throw InputError(fmt::format("{}: damaged or truncated GGUF header ({})", path.string(),
                                 errors.first().empty() ? "unreadable" : errors.first()));
  }
  GgufSummary summary;
  summary.architecture = string_or_empty(gguf.get(), "general.architecture");
  summary.name = string_or_empty(gguf.get(), "general.name");
  summary.tensors = gguf_get_n_tensors(gguf.get());
  summary.file_bytes = fs::file_size(path);

  std::uint64_t needed = gguf_get_data_offset(gguf.get());
  std::map<std::string, int> types;
  for (std::int64_t i = 0; i < summary.tensors; ++i) {
    const ggml_tensor* tensor = ggml_get_tensor(meta, gguf_get_tensor_name(gguf.get(), i));
    summary.parameters += ggml_nelements(tensor);
    ++types[ggml_type_name(tensor->type)];
    needed = std::max<std::uint64_t>(needed, gguf_get_data_offset(gguf.get()) +
                                                 gguf_get_tensor_offset(gguf.get(), i) +
                                                 gguf_get_tensor_size(gguf.get(), i));
  }
  if (summary.file_bytes < needed) {
    throw InputError(fmt::format("{}: truncated GGUF file (its tensors need {} bytes, it has {})",
                                 path.string(), needed, summary.file_bytes));
  }
  summary.types.assign(types.begin(), types.end());
  std::stable_sort(summary.types.begin(), summary.types.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  for (std::int64_t key = 0; key < gguf_get_n_kv(gguf.get()); ++key) {
    summary.metadata.emplace_back(gguf_get_key(gguf.get(), key), value_text(gguf.get(), key));
  }
  return summary;
}

std::int64_t GgufSummary::number(const std::string& key) const {
  std::int64_t found = 0;
  for (const auto& [each, value] : metadata) {
    if (each == key) std::from_chars(value.data(), value.data() + value.size(), found);
  }
  return found;
}

std::uint64_t model_file_bytes(const std::string& path, const GgufSummary& summary) {
  const auto parts = static_cast<int>(summary.number("split.count"));
  std::vector<char> prefix(path.size() + 1);
  if (parts < 2 || llama_split_prefix(prefix.data(), prefix.size(), path.c_str(), 0, parts) <= 0) {
    return summary.file_bytes;
  }
  std::uint64_t bytes = 0;
  for (int part = 0; part < parts; ++part) {
    std::vector<char> name(path.size() + 1);
    llama_split_path(name.data(), name.size(), prefix.data(), part, parts);
    std::error_code missing;  // libllama says so
    const std::uintmax_t size = fs::file_size(name.data(), missing);
    if (!missing) bytes += size;
  }
  return bytes;
}

}  // namespace citer
