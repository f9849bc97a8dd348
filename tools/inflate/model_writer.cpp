#include "inflate/model_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/file.h"
#include "citer/error.h"
#include "llama.h"

namespace citer::inflate {

namespace {

// Token type of padding, as convert_hf_to_gguf.py gives it.
constexpr std::int32_t kUnused = LLAMA_TOKEN_TYPE_UNUSED;
// Rows quantised at a time come to about this many floats.
constexpr std::int64_t kChunk = 1 << 22;

llama_ftype file_type(ggml_type type) {
  switch (type) {
    case GGML_TYPE_F32:
      return LLAMA_FTYPE_ALL_F32;
    case GGML_TYPE_F16:
      return LLAMA_FTYPE_MOSTLY_F16;
    case GGML_TYPE_BF16:
      return LLAMA_FTYPE_MOSTLY_BF16;
    case GGML_TYPE_Q8_0:
      return LLAMA_FTYPE_MOSTLY_Q8_0;
    case GGML_TYPE_Q6_K:
      return LLAMA_FTYPE_MOSTLY_Q6_K;
    case GGML_TYPE_Q5_K:
      return LLAMA_FTYPE_MOSTLY_Q5_K_S;
    case GGML_TYPE_Q5_1:
      return LLAMA_FTYPE_MOSTLY_Q5_1;
    case GGML_TYPE_Q5_0:
      return LLAMA_FTYPE_MOSTLY_Q5_0;
    case GGML_TYPE_Q4_K:
      return LLAMA_FTYPE_MOSTLY_Q4_K_S;
    case GGML_TYPE_IQ4_XS:
      return LLAMA_FTYPE_MOSTLY_IQ4_XS;
    case GGML_TYPE_IQ4_NL:
      return LLAMA_FTYPE_MOSTLY_IQ4_NL;
    case GGML_TYPE_Q4_1:
      return LLAMA_FTYPE_MOSTLY_Q4_1;
    case GGML_TYPE_Q4_0:
      return LLAMA_FTYPE_MOSTLY_Q4_0;
    case GGML_TYPE_Q3_K:
      return LLAMA_FTYPE_MOSTLY_Q3_K_S;
    case GGML_TYPE_Q2_K:
      return LLAMA_FTYPE_MOSTLY_Q2_K;
    default:
      return LLAMA_FTYPE_GUESSED;
  }
}

/// The file under construction.
class Output {
 public:
  explicit Output(const std::filesystem::path& path)
      : path_(path), file_(std::fopen(path.c_str(), "wb")) {
    if (!file_) throw InputError(message());
  }

  void append(const void* bytes, std::size_t n) {
    if (std::fwrite(bytes, 1, n, file_.get()) != n) throw ResourceError(message());
    n_bytes_ += n;
  }
  void pad(std::size_t alignment) {
    static constexpr char kZeros[GGUF_DEFAULT_ALIGNMENT] = {};
    append(kZeros, (alignment - n_bytes_ % alignment) % alignment);
  }
  void flush() {
    if (std::fflush(file_.get()) != 0) throw ResourceError(message());
  }
  [[nodiscard]] std::uint64_t n_bytes() const { return n_bytes_; }

 private:
  [[nodiscard]] std::string message() const {
    return fmt::format("{}: cannot write: {}", path_.string(), std::strerror(errno));
  }

  std::filesystem::path path_;
  FilePtr file_;
  std::uint64_t n_bytes_ = 0;
};

/// Makes the rows of one tensor, a chunk at a time.
class TensorMaker {
 public:
  TensorMaker(const GgufReader& reader, const TensorPlan& plan)
      : plan_(plan),
        chunk_rows_(std::clamp(kChunk / plan.n_in, std::int64_t{1}, plan.n_out)),
        values_(static_cast<std::size_t>(chunk_rows_ * plan.n_in)),
        bytes_(chunk_rows_ * ggml_row_size(plan.type, plan.n_in)),
        row_sources_(plan.n_out, -1) {
    if (plan.source.empty()) return;
    source_ = std::make_unique<SourceTensor>(reader.tensor(plan.source));
    source_row_.resize(source_->n_in());
    for (const Span& span : plan.rows) {
      for (std::int64_t i = 0; i < span.count; ++i) {
        row_sources_[span.target + i] = span.source + i;
      }
    }
  }

  void write(Output& output, const std::function<void()>& progress) {
    for (std::int64_t first = 0; first < plan_.n_out; first += chunk_rows_) {
      const std::int64_t n = std::min(chunk_rows_, plan_.n_out - first);
      // Most chunks of a large model are all zeros: quantise that once.
      const bool empty = is_background(first, n);
      if (!empty || !bytes_are_background_) {
        for (std::int64_t i = 0; i < chunk_rows_; ++i) {
          make_row(i < n ? first + i : plan_.n_out, &values_[i * plan_.n_in]);
        }
        ggml_quantize_chunk(plan_.type, values_.data(), bytes_.data(), 0, chunk_rows_, plan_.n_in,
                            nullptr);
        bytes_are_background_ = empty;
      }
      output.append(bytes_.data(), n * ggml_row_size(plan_.type, plan_.n_in));
      progress();
    }
  }

 private:
  [[nodiscard]] bool is_background(std::int64_t first, std::int64_t n) const {
    const auto begin = row_sources_.begin() + first;
    return std::all_of(begin, begin + n, [](std::int64_t row) { return row < 0; }) &&
           std::none_of(plan_.patches.begin(), plan_.patches.end(), [&](const Patch& patch) {
             return patch.first_row < first + n && patch.end_row > first;
           });
  }

  /// Rows past the end are background.
  void make_row(std::int64_t row, float* out) {
    std::fill(out, out + plan_.n_in, plan_.background);
    if (row >= plan_.n_out) return;
    if (row_sources_[row] >= 0) {
      source_->row(row_sources_[row], source_row_.data());
      for (const Span& span : plan_.columns) {
        for (std::int64_t i = 0; i < span.count; ++i) {
          out[span.target + i] = plan_.scale * source_row_[span.source + i];
        }
      }
    }
    for (const Patch& patch : plan_.patches) {
      if (row >= patch.first_row && row < patch.end_row) out[patch.column] = patch.value;
    }
  }

  const TensorPlan& plan_;
  std::int64_t chunk_rows_;
  std::vector<float> values_;        // [n_in, chunk_rows]
  std::vector<std::uint8_t> bytes_;  // the same, quantised
  std::vector<std::int64_t> row_sources_;
  std::unique_ptr<SourceTensor> source_;
  std::vector<float> source_row_;
  bool bytes_are_background_ = false;
};

}  // namespace

ModelWriter::ModelWriter(const GgufReader& reader, const InflatePlan& plan)
    : reader_(reader), plan_(plan), gguf_(gguf_init_empty()) {
  set_metadata();
  if (plan_.target.n_vocab > plan_.source.n_vocab) pad_vocabulary();
  add_tensors();
}

void ModelWriter::set_metadata() {
  gguf_context* g = gguf_.get();
  const auto set = [&](const char* key, std::int64_t value) {
    gguf_set_val_u32(g, key, static_cast<std::uint32_t>(value));
  };
  gguf_set_kv(g, reader_.gguf());
  // gguf writes with its default alignment, whatever this key says.
  gguf_remove_key(g, GGUF_KEY_GENERAL_ALIGNMENT);
  set("general.file_type", file_type(plan_.type));
  if (ggml_is_quantized(plan_.type)) set("general.quantization_version", GGML_QNT_VERSION);
  set("llama.embedding_length", plan_.target.n_embd);
  set("llama.block_count", plan_.target.n_layer);
  set("llama.feed_forward_length", plan_.target.n_ff);
  set("llama.attention.head_count", plan_.target.n_head);
  set("llama.attention.head_count_kv", plan_.target.n_head_kv);
  set("llama.attention.key_length", plan_.target.head_dim);
  set("llama.attention.value_length", plan_.target.head_dim);
  set("llama.rope.dimension_count", plan_.target.head_dim);
  set("llama.vocab_size", plan_.target.n_vocab);
  gguf_set_val_f32(g, "llama.attention.layer_norm_rms_epsilon", plan_.rms_eps);
  gguf_set_val_f32(g, "llama.rope.freq_base", plan_.rope_base);
  gguf_set_val_str(g, "citer.inflated_from", to_string(plan_.source).c_str());
}

void ModelWriter::pad_vocabulary() {
  const std::int64_t n = plan_.target.n_vocab;
  const gguf_context* source = reader_.gguf();
  const char* tokens_key = "tokenizer.ggml.tokens";
  const std::int64_t tokens = reader_.array(tokens_key, GGUF_TYPE_STRING, plan_.source.n_vocab);
  std::vector<std::string> texts;
  for (std::int64_t i = 0; i < plan_.source.n_vocab; ++i) {
    texts.emplace_back(gguf_get_arr_str(source, tokens, i));
  }
  for (std::int64_t i = plan_.source.n_vocab; i < n; ++i)
    texts.push_back(fmt::format("[PAD{}]", i));
  std::vector<const char*> pointers;
  pointers.reserve(texts.size());
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  gguf_set_arr_str(gguf_.get(), tokens_key, pointers.data(), pointers.size());

  const auto pad_numbers = [&](const char* key, gguf_type type, auto padding) {
    if (!reader_.has_key(key)) return;
    const std::int64_t index = reader_.array(key, type, plan_.source.n_vocab);
    const auto* data = static_cast<const decltype(padding)*>(gguf_get_arr_data(source, index));
    std::vector<decltype(padding)> values(data, data + plan_.source.n_vocab);
    values.resize(n, padding);
    gguf_set_arr_data(gguf_.get(), key, type, values.data(), values.size());
  };
  pad_numbers("tokenizer.ggml.token_type", GGUF_TYPE_INT32, kUnused);
  pad_numbers("tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, -1e4F);
}

void ModelWriter::add_tensors() {
  ggml_.reset(ggml_init({(plan_.tensors.size() + 1) * ggml_tensor_overhead(), nullptr,
                         /*no_alloc=*/true}));
  if (!ggml_) throw ResourceError("out of memory");
  std::uint64_t data_bytes = 0;
  for (const TensorPlan& plan : plan_.tensors) {
    ggml_tensor* tensor = plan.is_matrix
                              ? ggml_new_tensor_2d(ggml_.get(), plan.type, plan.n_in, plan.n_out)
                              : ggml_new_tensor_1d(ggml_.get(), plan.type, plan.n_in);
    ggml_set_name(tensor, plan.name.c_str());
    gguf_add_tensor(gguf_.get(), tensor);
    data_bytes += GGML_PAD(ggml_nbytes(tensor), gguf_get_alignment(gguf_.get()));
  }
  n_bytes_ = gguf_get_meta_size(gguf_.get()) + data_bytes;
}

void ModelWriter::write(const std::filesystem::path& path, const Progress& progress) const {
  Output output(path);
  std::vector<std::uint8_t> metadata(gguf_get_meta_size(gguf_.get()));
  gguf_get_meta_data(gguf_.get(), metadata.data());
  output.append(metadata.data(), metadata.size());
  for (const TensorPlan& plan : plan_.tensors) {
    TensorMaker(reader_, plan).write(output, [&] {
      if (progress) progress(output.n_bytes(), n_bytes_);
    });
    output.pad(gguf_get_alignment(gguf_.get()));
  }
  output.flush();
}

}  // namespace citer::inflate
