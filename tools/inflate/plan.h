#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ggml.h"
#include "inflate/gguf_reader.h"
#include "inflate/shape.h"

namespace citer::inflate {

/// `count` places from `source` on go to the places from `target` on.
struct Span {
  std::int64_t target = 0;
  std::int64_t source = 0;
  std::int64_t count = 0;
};
using Spans = std::vector<Span>;

/// One value in a range of rows of a target tensor, after its source was copied.
struct Patch {
  std::int64_t first_row = 0;
  std::int64_t end_row = 0;
  std::int64_t column = 0;
  float value = 0.0F;
};

/// How one tensor of the inflated model is made: `background` everywhere, then the source's rows
/// and columns at their new places, times `scale`, then the patches.
struct TensorPlan {
  std::string name;
  ggml_type type = GGML_TYPE_F32;
  std::int64_t n_in = 0;   // length of a row
  std::int64_t n_out = 1;  // number of rows
  bool is_matrix = false;
  /// Tensor of the source; empty for one of an added layer.
  std::string source;
  Spans columns;
  Spans rows = {{0, 0, 1}};
  float scale = 1.0F;
  float background = 0.0F;
  std::vector<Patch> patches;
};

struct InflatePlan {
  ModelShape source;
  ModelShape target;
  ggml_type type = GGML_TYPE_F32;
  float rms_eps = 0.0F;
  float rope_base = 0.0F;
  std::vector<TensorPlan> tensors;
};

/// Reads the shape from the metadata. Throws InputError for anything but a plain dense llama.
ModelShape read_shape(const GgufReader& reader);

/// Decides every tensor. Throws UsageError when the target cannot hold the source, InputError when
/// the source has tensors that would be lost.
InflatePlan make_plan(const GgufReader& reader, const ModelShape& target, ggml_type type);

}  // namespace citer::inflate
