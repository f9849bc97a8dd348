#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "ggml.h"
#include "gguf.h"

namespace citer::inflate {

struct FreeGguf {
  void operator()(gguf_context* context) const { gguf_free(context); }
};
using GgufPtr = std::unique_ptr<gguf_context, FreeGguf>;

/// A tensor's bytes, read as rows of floats.
class SourceTensor {
 public:
  SourceTensor(ggml_type type, std::int64_t n_in, std::vector<std::uint8_t> bytes)
      : type_(type), n_in_(n_in), bytes_(std::move(bytes)) {}

  [[nodiscard]] std::int64_t n_in() const { return n_in_; }
  /// Writes row `index` to `out` [n_in].
  void row(std::int64_t index, float* out) const;

 private:
  ggml_type type_;
  std::int64_t n_in_;
  std::vector<std::uint8_t> bytes_;
};

/// Metadata and tensors of a GGUF file on disk. Every member throws InputError, naming the file,
/// where the file is not as it should be.
class GgufReader {
 public:
  explicit GgufReader(std::filesystem::path path);

  [[nodiscard]] const gguf_context* gguf() const { return gguf_.get(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  [[nodiscard]] bool has_key(const char* name) const;
  [[nodiscard]] std::string string(const char* name) const;
  [[nodiscard]] std::uint32_t u32(const char* name) const;
  [[nodiscard]] std::uint32_t u32(const char* name, std::uint32_t otherwise) const;
  [[nodiscard]] float f32(const char* name) const;
  [[nodiscard]] float f32(const char* name, float otherwise) const;
  /// Index of an array of the given type and length.
  [[nodiscard]] std::int64_t array(const char* name, gguf_type type, std::int64_t n) const;

  [[nodiscard]] bool has_tensor(const std::string& name) const;
  [[nodiscard]] ggml_type tensor_type(const std::string& name) const;
  /// Number of values in a row, number of rows.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> tensor_size(const std::string& name) const;
  [[nodiscard]] SourceTensor tensor(const std::string& name) const;

  /// Throws InputError "FILE: message".
  [[noreturn]] void fail(const std::string& message) const;

 private:
  [[nodiscard]] std::int64_t key(const char* name, gguf_type type) const;
  [[nodiscard]] std::int64_t tensor_index(const std::string& name) const;
  void check_magic() const;
  void check_length() const;

  std::filesystem::path path_;
  FilePtr file_;
  GgufPtr gguf_;
};

}  // namespace citer::inflate
