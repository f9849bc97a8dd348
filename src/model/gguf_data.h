#pragma once

// GGUF files of our own (routers, preferences): metadata and tensors by name, with clear errors.

#include <ggml.h>

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/llama_ptr.h"

namespace citer {

struct GgmlContextDeleter {
  void operator()(ggml_context* context) const { ggml_free(context); }
};
using GgmlContextPtr = std::unique_ptr<ggml_context, GgmlContextDeleter>;

/// A GGUF file, mapped into memory. Every getter throws InputError naming the file and the key or
/// tensor when it is missing or of another kind than asked for.
class GgufReader {
 public:
  /// Throws InputError: missing, no GGUF, truncated, or another general.architecture.
  GgufReader(const std::filesystem::path& path, const std::string& architecture);

  bool has(const std::string& key) const;
  std::string text(const std::string& key) const;
  std::int64_t integer(const std::string& key) const;
  std::uint64_t hash(const std::string& key) const;  ///< stored as UINT64
  double number(const std::string& key) const;
  std::vector<std::string> texts(const std::string& key) const;
  std::vector<double> numbers(const std::string& key) const;

  bool has_tensor(const std::string& name) const;
  /// Lengths of a tensor's first two dimensions.
  std::pair<std::int64_t, std::int64_t> shape(const std::string& name) const;
  /// A tensor of any floating-point or quantised type as floats, row after row.
  std::vector<float> floats(const std::string& name) const;
  std::vector<std::int32_t> integers(const std::string& name) const;
  /// An F16 tensor's values where they lie in the file; keep file() as long as they are used.
  std::span<const std::uint16_t> halves(const std::string& name) const;
  /// Likewise an I8 tensor's.
  std::span<const std::uint8_t> bytes(const std::string& name) const;
  std::shared_ptr<const void> file() const { return file_; }
  ggml_type type(const std::string& name) const { return tensor(name).type; }

 private:
  std::int64_t key_of(const std::string& key, gguf_type type, const char* expected) const;
  std::int64_t array_of(const std::string& key, gguf_type type, const char* expected) const;
  const ggml_tensor& tensor(const std::string& name) const;
  [[noreturn]] void fail(const std::string& what) const;

  void map();

  std::filesystem::path path_;
  GgmlContextPtr tensors_;
  GgufPtr gguf_;
  std::shared_ptr<const void> file_;
};

/// Builds a GGUF file.
class GgufWriter {
 public:
  explicit GgufWriter(const std::string& architecture);

  void set(const std::string& key, const std::string& value);
  void set(const std::string& key, std::int64_t value);
  void set(const std::string& key, double value);
  void set_hash(const std::string& key, std::uint64_t value);
  void set(const std::string& key, const std::vector<std::string>& values);
  void set(const std::string& key, const std::vector<double>& values);

  /// A matrix [n_in, rows] (a vector: rows = 1), stored as `type`. Never empty: GGUF has no tensors
  /// without elements.
  void add(const std::string& name, ggml_type type, std::int64_t n_in,
           std::span<const float> values);
  void add(const std::string& name, std::span<const std::int32_t> values);
  /// Bytes, as I8; they must outlive save().
  void add(const std::string& name, std::span<const std::uint8_t> bytes);
  /// An F16 matrix [n_in, rows], in pieces that must outlive save().
  void add(const std::string& name, std::int64_t n_in,
           std::vector<std::span<const std::uint8_t>> halves);

  /// Writes the file in one step (replace_file()). Throws InputError or ResourceError.
  void save(const std::filesystem::path& path) const;

 private:
  using Pieces = std::vector<std::span<const std::uint8_t>>;

  void add_tensor(const std::string& name, ggml_type type, std::int64_t n_in, std::int64_t rows,
                  Pieces pieces);
  void add_bytes(const std::string& name, ggml_type type, std::int64_t n_in, std::int64_t rows,
                 std::vector<std::uint8_t> bytes);
  bool write(std::ostream& file) const;

  GgufPtr gguf_;
  std::vector<GgmlContextPtr> contexts_;
  std::vector<std::vector<std::uint8_t>> data_;
  std::vector<Pieces> pieces_;  ///< of each tensor
};

}  // namespace citer
