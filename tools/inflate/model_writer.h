#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "ggml.h"
#include "inflate/gguf_reader.h"
#include "inflate/inflate.h"
#include "inflate/plan.h"

namespace citer::inflate {

/// Writes an inflated model, tensor by tensor.
class ModelWriter {
 public:
  /// Keeps references to both.
  ModelWriter(const GgufReader& reader, const InflatePlan& plan);

  /// Size of the whole file.
  [[nodiscard]] std::uint64_t n_bytes() const { return n_bytes_; }
  /// Throws ResourceError when the disk is full, InputError when the file cannot be created.
  void write(const std::filesystem::path& path, const Progress& progress) const;

 private:
  struct FreeGgml {
    void operator()(ggml_context* context) const { ggml_free(context); }
  };

  void set_metadata();
  void pad_vocabulary();
  void add_tensors();

  const GgufReader& reader_;
  const InflatePlan& plan_;
  GgufPtr gguf_;
  std::unique_ptr<ggml_context, FreeGgml> ggml_;  // tensor shapes only
  std::uint64_t n_bytes_ = 0;
};

}  // namespace citer::inflate
