#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "ggml.h"
#include "inflate/shape.h"

namespace citer::inflate {

struct InflateOptions {
  std::filesystem::path in;
  std::filesystem::path out;
  ShapeOptions shape;
  /// Storage type of the matrices, as in "Q8_0" (any case); empty: the preset's, else the source's.
  std::string type;
};

struct InflateResult {
  ModelShape source;
  ModelShape target;
  ggml_type type = GGML_TYPE_F32;
  std::int64_t n_weights = 0;
  std::uint64_t n_bytes = 0;
};

/// Bytes written so far, and in the end.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// Names of the storage types that can be written, for messages.
std::string type_names();

/// Writes `in`, padded with zeros to a larger shape, to `out`: the same function at a larger
/// model's cost (docs/inflate.md). Holds one source tensor and a few megabytes of the target in
/// memory. Throws UsageError (shape, type), InputError (`in`), ResourceError (disk full).
InflateResult inflate(const InflateOptions& options, const Progress& progress = {});

}  // namespace citer::inflate
