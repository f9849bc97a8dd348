#include "inflate/inflate.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/file.h"
#include "citer/error.h"
#include "inflate/gguf_reader.h"
#include "inflate/model_writer.h"
#include "inflate/plan.h"

namespace citer::inflate {

namespace {

// The types that ggml_quantize_chunk() makes without an importance matrix and libllama computes
// with on every backend.
constexpr ggml_type kTypes[] = {GGML_TYPE_F32,  GGML_TYPE_F16,    GGML_TYPE_BF16,   GGML_TYPE_Q8_0,
                                GGML_TYPE_Q6_K, GGML_TYPE_Q5_K,   GGML_TYPE_Q5_1,   GGML_TYPE_Q5_0,
                                GGML_TYPE_Q4_K, GGML_TYPE_IQ4_XS, GGML_TYPE_IQ4_NL, GGML_TYPE_Q4_1,
                                GGML_TYPE_Q4_0, GGML_TYPE_Q3_K,   GGML_TYPE_Q2_K};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

ggml_type parse_type(const std::string& name) {
  for (const ggml_type type : kTypes) {
    if (upper(ggml_type_name(type)) == upper(name)) return type;
  }
  throw UsageError(fmt::format("--type {}: not one of {}", name, type_names()));
}

ggml_type choose_type(const InflateOptions& options, const GgufReader& reader) {
  if (!options.type.empty()) return parse_type(options.type);
  if (!options.shape.like.empty()) return find_preset(options.shape.like).type;
  return parse_type(ggml_type_name(reader.tensor_type("blk.0.attn_q.weight")));
}

/// The disk would fill minutes later; say so now.
void check_space(const std::filesystem::path& out, std::uint64_t bytes) {
  std::error_code error;
  const auto space = std::filesystem::space(std::filesystem::absolute(out).parent_path(), error);
  if (!error && space.available < bytes) {
    throw ResourceError(fmt::format("{}: needs {} bytes, the disk has {} free", out.string(), bytes,
                                    space.available));
  }
}

}  // namespace

std::string type_names() {
  std::string names;
  for (const ggml_type type : kTypes) {
    names += (names.empty() ? "" : ", ") + upper(ggml_type_name(type));
  }
  return names;
}

InflateResult inflate(const InflateOptions& options, const Progress& progress) {
  const GgufReader reader(options.in);
  InflateResult result;
  result.source = read_shape(reader);
  result.target = target_shape(result.source, options.shape);
  result.type = choose_type(options, reader);
  const InflatePlan plan = make_plan(reader, result.target, result.type);
  for (const TensorPlan& tensor : plan.tensors) result.n_weights += tensor.n_in * tensor.n_out;
  const ModelWriter writer(reader, plan);
  result.n_bytes = writer.n_bytes();
  check_space(options.out, result.n_bytes);
  replace_file(options.out,
               [&](const std::filesystem::path& temporary) { writer.write(temporary, progress); });
  return result;
}

}  // namespace citer::inflate
