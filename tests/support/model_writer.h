#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>

#include "base/rng.h"
#include "ggml.h"
#include "gguf.h"

namespace citer::test {

struct FreeGguf {
  void operator()(gguf_context* context) const { gguf_free(context); }
};
struct FreeGgml {
  void operator()(ggml_context* context) const { ggml_free(context); }
};

/// A GGUF file and its tensors in memory, ready to be written.
struct GgufInMemory {
  std::unique_ptr<gguf_context, FreeGguf> gguf;
  std::unique_ptr<ggml_context, FreeGgml> tensors;
};

GgufInMemory read_gguf(const std::filesystem::path& path);
void write_gguf(const gguf_context* gguf, const std::filesystem::path& path);

/// Width, feed-forward length, heads and trained context of the models that ModelWriter writes.
inline constexpr int kOddEmbd = 32;
inline constexpr int kOddFf = 64;
inline constexpr int kOddHeads = 2;
inline constexpr int kOddContext = 512;

/// A model of any architecture with random weights and the tiny models' tokenizer. Keys are written
/// without the architecture before them.
class ModelWriter {
 public:
  ModelWriter(const std::filesystem::path& path, std::string architecture, std::uint64_t seed,
              int layers = 1);

  void set(const std::string& key, int value);
  void set(const std::string& key, std::initializer_list<std::int32_t> values);
  void set_float(const std::string& key, float value);
  void set_bool(const std::string& key, bool value);
  void set_token_types(int n);

  /// Adds a tensor of numbers spread evenly over [middle - spread, middle + spread].
  void add(const std::string& name, std::initializer_list<std::int64_t> shape, float spread,
           float middle = 0.0F);

  void finish() { write_gguf(gguf_.get(), path_); }

 private:
  [[nodiscard]] std::string full(const std::string& key) const { return architecture_ + "." + key; }

  std::filesystem::path path_;
  std::string architecture_;
  Rng rng_;
  GgufInMemory tokenizer_;
  std::unique_ptr<gguf_context, FreeGguf> gguf_;
  std::unique_ptr<ggml_context, FreeGgml> tensors_;
};

}  // namespace citer::test
