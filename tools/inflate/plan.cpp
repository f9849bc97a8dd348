#include "inflate/plan.h"

#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "citer/error.h"

namespace citer::inflate {

namespace {

enum class Axis { kOne, kEmbd, kQuery, kKv, kFf };
enum class Scale { kOne, kNorm, kQuery };

struct BlockTensor {
  const char* name;
  Axis in;
  Axis out;  // kOne: a vector
  Scale scale = Scale::kOne;
  bool required = true;
};

// libllama's llama architecture (src/models/llama.cpp): what a dense layer may hold.
constexpr BlockTensor kBlockTensors[] = {
    {"attn_norm.weight", Axis::kEmbd, Axis::kOne, Scale::kNorm},
    {"attn_q.weight", Axis::kEmbd, Axis::kQuery, Scale::kQuery},
    {"attn_k.weight", Axis::kEmbd, Axis::kKv},
    {"attn_v.weight", Axis::kEmbd, Axis::kKv},
    {"attn_q.bias", Axis::kQuery, Axis::kOne, Scale::kQuery, false},
    {"attn_k.bias", Axis::kKv, Axis::kOne, Scale::kOne, false},
    {"attn_v.bias", Axis::kKv, Axis::kOne, Scale::kOne, false},
    {"attn_output.weight", Axis::kQuery, Axis::kEmbd},
    {"attn_output.bias", Axis::kEmbd, Axis::kOne, Scale::kOne, false},
    {"ffn_norm.weight", Axis::kEmbd, Axis::kOne, Scale::kNorm},
    {"ffn_gate.weight", Axis::kEmbd, Axis::kFf},
    {"ffn_up.weight", Axis::kEmbd, Axis::kFf},
    {"ffn_down.weight", Axis::kFf, Axis::kEmbd},
    {"ffn_gate.bias", Axis::kFf, Axis::kOne, Scale::kOne, false},
    {"ffn_up.bias", Axis::kFf, Axis::kOne, Scale::kOne, false},
    {"ffn_down.bias", Axis::kEmbd, Axis::kOne, Scale::kOne, false},
};

// Added tokens, see add_patches(): their output weight for the constant, and the length of the
// residual stream before the final norm, in lengths of an embedding, at which their logit is that
// weight. A stream that has grown a thousand times still leaves a logit of -300.
constexpr float kNeverWins = -1e4F;
constexpr float kTypicalGrowth = 30.0F;

std::int64_t axis_size(const ModelShape& shape, Axis axis) {
  switch (axis) {
    case Axis::kOne:
      return 1;
    case Axis::kEmbd:
      return shape.n_embd;
    case Axis::kQuery:
      return shape.n_head * shape.head_dim;
    case Axis::kKv:
      return shape.n_head_kv * shape.head_dim;
    case Axis::kFf:
      return shape.n_ff;
  }
  return 0;
}

/// Where the source's heads go. A source kv head whose group of query heads is larger than the
/// target's is copied, one copy for each part of its group.
struct HeadSpans {
  Spans query;
  Spans kv;
};

HeadSpans place_heads(const ModelShape& source, const ModelShape& target) {
  const std::int64_t source_group = source.n_head / source.n_head_kv;
  const std::int64_t target_group = target.n_head / target.n_head_kv;
  const std::int64_t copies = (source_group + target_group - 1) / target_group;
  if (source.n_head_kv * copies > target.n_head_kv) {
    throw UsageError(fmt::format(
        "{} heads on {} kv heads cannot hold the model's {} on {}: give --kv-heads {} or more",
        target.n_head, target.n_head_kv, source.n_head, source.n_head_kv,
        source.n_head_kv * copies));
  }
  HeadSpans spans;
  for (std::int64_t head = 0; head < source.n_head; ++head) {
    const std::int64_t in_group = head % source_group;
    const std::int64_t target_kv = head / source_group * copies + in_group / target_group;
    const std::int64_t target_head = target_kv * target_group + in_group % target_group;
    spans.query.push_back({target_head * target.head_dim, head * source.head_dim, source.head_dim});
    if (in_group % target_group == 0) {
      spans.kv.push_back(
          {target_kv * target.head_dim, head / source_group * source.head_dim, source.head_dim});
    }
  }
  return spans;
}

/// Builds the list of tensors.
class Planner {
 public:
  Planner(const GgufReader& reader, const ModelShape& source, const ModelShape& target,
          ggml_type type)
      : reader_(reader), heads_(place_heads(source, target)) {
    plan_.source = source;
    plan_.target = target;
    plan_.type = type;
  }

  InflatePlan build() {
    scale_hyperparameters();
    add_embedding();
    add_rope_factors();
    for (std::int64_t layer = 0; layer < plan_.target.n_layer; ++layer) add_block(layer);
    add_output();
    refuse_unknown_tensors();
    if (plan_.target.n_vocab > plan_.source.n_vocab) add_patches();
    return std::move(plan_);
  }

 private:
  void scale_hyperparameters() {
    const ModelShape& s = plan_.source;
    const ModelShape& t = plan_.target;
    // Zeros lower the mean square by d/D: with eps lowered as much, x / sqrt(mean + eps) comes out
    // sqrt(D/d) times too large, which the norm weights undo.
    const double ratio = static_cast<double>(s.n_embd) / static_cast<double>(t.n_embd);
    plan_.rms_eps =
        static_cast<float>(reader_.f32("llama.attention.layer_norm_rms_epsilon") * ratio);
    norm_scale_ = static_cast<float>(std::sqrt(ratio));
    // libllama divides q k by sqrt(head size).
    const double head_ratio = static_cast<double>(t.head_dim) / static_cast<double>(s.head_dim);
    query_scale_ = static_cast<float>(std::sqrt(head_ratio));
    // Pair i of a head turns by base^(-2i / head size). libllama wants as many rope dimensions as
    // the head has, so the base is raised until the old pairs turn as before. YaRN's bounds depend
    // on head size / log(base) and do not change either.
    const double base = std::pow(reader_.f32("llama.rope.freq_base", 10000.0F), head_ratio);
    if (base > std::numeric_limits<float>::max()) {
      throw UsageError(fmt::format("--head-dim {} asks for a rope base of {:.0e}, beyond a float",
                                   t.head_dim, base));
    }
    plan_.rope_base = static_cast<float>(base);
  }

  [[nodiscard]] Spans spans(Axis axis) const {
    if (axis == Axis::kQuery) return heads_.query;
    if (axis == Axis::kKv) return heads_.kv;
    return {{0, 0, axis_size(plan_.source, axis)}};
  }

  [[nodiscard]] float scale(Scale scale) const {
    if (scale == Scale::kNorm) return norm_scale_;
    return scale == Scale::kQuery ? query_scale_ : 1.0F;
  }

  /// Takes note that `name` is a tensor of the source with n_in x n_out values.
  void use(const std::string& name, std::int64_t n_in, std::int64_t n_out) {
    const auto [found_in, found_out] = reader_.tensor_size(name);
    if (found_in != n_in || found_out != n_out) {
      reader_.fail(fmt::format("tensor '{}' is {} x {}, expected {} x {}", name, found_in,
                               found_out, n_in, n_out));
    }
    used_.insert(name);
  }

  void add_matrix(TensorPlan tensor) {
    tensor.is_matrix = true;
    tensor.type = plan_.type;
    if (tensor.n_in % ggml_blck_size(tensor.type) != 0) {
      throw UsageError(fmt::format(
          "--type {} stores rows in blocks of {}, but a row of '{}' has {}",
          ggml_type_name(tensor.type), ggml_blck_size(tensor.type), tensor.name, tensor.n_in));
    }
    plan_.tensors.push_back(std::move(tensor));
  }

  void add_vocabulary_matrix(const char* name) {
    use(name, plan_.source.n_embd, plan_.source.n_vocab);
    TensorPlan tensor;
    tensor.name = tensor.source = name;
    tensor.n_in = plan_.target.n_embd;
    tensor.n_out = plan_.target.n_vocab;
    tensor.columns = spans(Axis::kEmbd);
    tensor.rows = {{0, 0, plan_.source.n_vocab}};
    add_matrix(std::move(tensor));
  }

  void add_embedding() { add_vocabulary_matrix("token_embd.weight"); }

  /// Llama 3's factors on the frequencies, one for each pair of a head.
  void add_rope_factors() {
    const char* name = "rope_freqs.weight";
    if (!reader_.has_tensor(name)) return;
    use(name, plan_.source.head_dim / 2, 1);
    TensorPlan tensor;
    tensor.name = tensor.source = name;
    tensor.n_in = plan_.target.head_dim / 2;
    tensor.columns = {{0, 0, plan_.source.head_dim / 2}};
    tensor.background = 1.0F;
    plan_.tensors.push_back(std::move(tensor));
  }

  void add_block(std::int64_t layer) {
    for (const BlockTensor& entry : kBlockTensors) {
      if (!entry.required && !reader_.has_tensor(fmt::format("blk.0.{}", entry.name))) continue;
      TensorPlan tensor;
      tensor.name = fmt::format("blk.{}.{}", layer, entry.name);
      tensor.n_in = axis_size(plan_.target, entry.in);
      tensor.n_out = axis_size(plan_.target, entry.out);
      if (layer < plan_.source.n_layer) {
        use(tensor.name, axis_size(plan_.source, entry.in), axis_size(plan_.source, entry.out));
        tensor.source = tensor.name;
        tensor.columns = spans(entry.in);
        tensor.rows = spans(entry.out);
        tensor.scale = scale(entry.scale);
      }
      if (entry.out == Axis::kOne) {
        plan_.tensors.push_back(std::move(tensor));
      } else {
        add_matrix(std::move(tensor));
      }
    }
  }

  void add_output() {
    use("output_norm.weight", plan_.source.n_embd, 1);
    TensorPlan norm;
    norm.name = norm.source = "output_norm.weight";
    norm.n_in = plan_.target.n_embd;
    norm.columns = spans(Axis::kEmbd);
    norm.scale = norm_scale_;
    plan_.tensors.push_back(std::move(norm));
    if (reader_.has_tensor("output.weight")) add_vocabulary_matrix("output.weight");
  }

  void refuse_unknown_tensors() const {
    for (std::int64_t i = 0; i < gguf_get_n_tensors(reader_.gguf()); ++i) {
      const char* name = gguf_get_tensor_name(reader_.gguf(), i);
      if (used_.count(name) == 0) {
        reader_.fail(fmt::format("tensor '{}' is not part of a dense llama of {} layers", name,
                                 plan_.source.n_layer));
      }
    }
  }

  /// Gives added tokens a logit far below any other. There is no bias to do it with, so the last,
  /// unused dimension carries a constant from the embedding through all layers, which neither read
  /// nor change it; the final norm lets it through to the output rows of added tokens only.
  void add_patches() {
    const ModelShape& s = plan_.source;
    const ModelShape& t = plan_.target;
    // Alone in its quantisation block, or it would be rounded to nothing beside larger values.
    const std::int64_t block = ggml_blck_size(plan_.type);
    if (t.n_embd - block < s.n_embd) {
      throw UsageError(fmt::format("--vocab needs --embd {} or more with type {}",
                                   (s.n_embd + 2 * block - 1) / block * block,
                                   ggml_type_name(plan_.type)));
    }
    // A thousandth of an embedding's length changes the mean square by a millionth.
    const float length = mean_embedding_length();
    const float constant = 1e-3F * length;
    const std::int64_t column = t.n_embd - 1;
    TensorPlan& embedding = tensor("token_embd.weight");
    embedding.patches.push_back({0, s.n_vocab, column, constant});
    const float size = std::sqrt(static_cast<float>(t.n_embd)) * constant / length;
    tensor("output_norm.weight").patches.push_back({0, 1, column, kTypicalGrowth / size});
    TensorPlan& output = reader_.has_tensor("output.weight") ? tensor("output.weight") : embedding;
    output.patches.push_back({s.n_vocab, t.n_vocab, column, kNeverWins});
  }

  [[nodiscard]] float mean_embedding_length() const {
    const SourceTensor embedding = reader_.tensor("token_embd.weight");
    std::vector<float> row(embedding.n_in());
    double sum = 0.0;
    for (std::int64_t i = 0; i < plan_.source.n_vocab; ++i) {
      embedding.row(i, row.data());
      double square = 0.0;
      for (const float value : row) square += static_cast<double>(value) * value;
      sum += std::sqrt(square);
    }
    return static_cast<float>(sum / static_cast<double>(plan_.source.n_vocab));
  }

  TensorPlan& tensor(std::string_view name) {
    for (TensorPlan& tensor : plan_.tensors) {
      if (tensor.name == name) return tensor;
    }
    throw InputError(fmt::format("no tensor '{}'", name));
  }

  const GgufReader& reader_;
  HeadSpans heads_;
  InflatePlan plan_;
  float norm_scale_ = 1.0F;
  float query_scale_ = 1.0F;
  std::set<std::string, std::less<>> used_;
};

}  // namespace

ModelShape read_shape(const GgufReader& reader) {
  const std::string architecture = reader.string("general.architecture");
  if (architecture != "llama") {
    reader.fail(fmt::format("architecture '{}'; only 'llama' can be inflated", architecture));
  }
  if (reader.has_key("split.count")) reader.fail("part of a split model; merge it first");
  if (reader.u32("llama.expert_count", 0) != 0) reader.fail("a mixture of experts, not dense");
  if (reader.has_key("llama.attention.scale")) reader.fail("has its own attention scale");
  ModelShape shape;
  shape.n_embd = reader.u32("llama.embedding_length");
  shape.n_layer = reader.u32("llama.block_count");
  shape.n_head = reader.u32("llama.attention.head_count");
  const auto heads = static_cast<std::uint32_t>(shape.n_head);
  shape.n_head_kv = reader.u32("llama.attention.head_count_kv", heads);
  shape.n_ff = reader.u32("llama.feed_forward_length");
  shape.n_vocab = reader.tensor_size("token_embd.weight").second;
  if (shape.n_embd < 1 || shape.n_layer < 1 || shape.n_head_kv < 1 || shape.n_ff < 1 ||
      shape.n_head < shape.n_head_kv || shape.n_head % shape.n_head_kv != 0) {
    reader.fail(fmt::format("impossible shape: {}", to_string(shape)));
  }
  const auto even = static_cast<std::uint32_t>(shape.n_embd / shape.n_head);
  shape.head_dim = reader.u32("llama.attention.key_length", even);
  const auto head_dim = static_cast<std::uint32_t>(shape.head_dim);
  const std::uint32_t value_dim = reader.u32("llama.attention.value_length", head_dim);
  const std::uint32_t rope_dim = reader.u32("llama.rope.dimension_count", head_dim);
  if (head_dim < 2 || value_dim != head_dim || rope_dim != head_dim) {
    reader.fail(fmt::format("key, value and rope sizes of a head differ ({}, {}, {})", head_dim,
                            value_dim, rope_dim));
  }
  return shape;
}

InflatePlan make_plan(const GgufReader& reader, const ModelShape& target, ggml_type type) {
  return Planner(reader, read_shape(reader), target, type).build();
}

}  // namespace citer::inflate
