// An inflated model computes the same function as its source, and bad requests are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>

#include "citer/error.h"
#include "gguf.h"
#include "inflate/gguf_reader.h"
#include "inflate/inflate.h"
#include "support/compare.h"
#include "support/llama_runner.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace citer::inflate {
namespace {

namespace fs = std::filesystem;
using test::LlamaRunner;
using test::TempDir;
using test::TinyModelOptions;
using testing::HasSubstr;

constexpr const char* kPrompt = "The bird sees 42 trees in the river, and how many\nmore?";

struct Case {
  const char* name;
  /// Sets what differs from the default source and from no change of shape.
  void (*set)(TinyModelOptions& source, ShapeOptions& target);
  const char* type = "F32";
  /// Root mean square of a row's logit differences, in that of its logits.
  double tolerance = 1e-4;

  friend std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }
};

double root_mean_square(const std::vector<float>& row) {
  double square = 0.0;
  for (const float value : row) square += static_cast<double>(value) * value;
  return std::sqrt(square / static_cast<double>(row.size()));
}

/// `found` may have more tokens than `expected`; they must be out of reach.
void expect_same_row(const std::vector<float>& expected, const std::vector<float>& found,
                     double tolerance) {
  std::vector<float> difference(expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) difference[i] = found[i] - expected[i];
  if (found.size() > expected.size()) {
    // Where input and output share a matrix, every old token has the constant that keeps added
    // tokens away: a shift of all logits, which softmax does not see.
    const float shift = std::accumulate(difference.begin(), difference.end(), 0.0F) /
                        static_cast<float>(difference.size());
    for (float& value : difference) value -= shift;
  }
  EXPECT_LE(root_mean_square(difference), tolerance * root_mean_square(expected));
  const float best = *std::max_element(expected.begin(), expected.end());
  for (std::size_t i = expected.size(); i < found.size(); ++i) {
    ASSERT_LT(found[i], best - 50.0F) << "added token " << i;
  }
}

class SameFunction : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    TinyModelOptions options;
    options.rms_eps = 0.01F;  // large enough to be missed
    ShapeOptions target;
    GetParam().set(options, target);
    test::write_tiny_model(folder_ / "in.gguf", options);
    result_ = inflate({folder_ / "in.gguf", folder_ / "out.gguf", target, GetParam().type});
  }

  TempDir folder_;
  InflateResult result_;
};

TEST_P(SameFunction, LogitsAndText) {
  EXPECT_EQ(fs::file_size(folder_ / "out.gguf"), result_.n_bytes);
  LlamaRunner source(folder_ / "in.gguf");
  LlamaRunner inflated(folder_ / "out.gguf");
  EXPECT_EQ(inflated.n_vocab(), result_.target.n_vocab);
  const std::vector<llama_token> prompt = source.tokenize(kPrompt);
  ASSERT_EQ(inflated.tokenize(kPrompt), prompt);

  // The source's own text, so that positions beyond the prompt are compared too.
  const std::vector<llama_token> text = source.greedy(prompt, 24);
  std::vector<llama_token> all = prompt;
  all.insert(all.end(), text.begin(), text.end());
  const auto expected = source.logits(all);
  const auto found = inflated.logits(all);
  const double tolerance = GetParam().tolerance;
  for (std::size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE("row " + std::to_string(i));
    expect_same_row(expected[i], found[i], tolerance);
  }

  const std::vector<llama_token> inflated_text = inflated.greedy(prompt, 24);
  const auto first = std::mismatch(text.begin(), text.end(), inflated_text.begin()).first;
  if (first != text.end()) {
    const std::vector<float>& row = expected[prompt.size() - 1 + (first - text.begin())];
    EXPECT_LE(test::top_two_gap(row), 4 * tolerance * root_mean_square(row))
        << "other text, and no tie";
  }
}

const Case kOneAtATime[] = {
    {"nothing", [](auto&, auto&) {}},
    {"embd", [](auto&, auto& target) { target.n_embd = 80; }},
    {"layers", [](auto&, auto& target) { target.n_layer = 5; }},
    {"ff", [](auto&, auto& target) { target.n_ff = 224; }},
    {"heads",
     [](auto&, auto& target) {
       target.n_head = 6;
       target.head_dim = 16;
     }},
    {"kv_heads",
     [](auto&, auto& target) {
       target.n_head = 6;
       target.n_head_kv = 3;
       target.head_dim = 16;
     }},
    {"head_dim", [](auto&, auto& target) { target.head_dim = 40; }},
    {"head_dim_rope_factors",
     [](auto& source, auto& target) {
       source.rope_factors = true;
       target.head_dim = 64;
     }},
    {"vocab",
     [](auto&, auto& target) {
       target.n_embd = 64;
       target.n_vocab = 512;
     }},
    {"vocab_tied",
     [](auto& source, auto& target) {
       source.tied = true;
       target.n_embd = 33;
       target.n_vocab = 333;
     }},
};

void set_heads(TinyModelOptions& source, int n_head, int n_head_kv) {
  source.n_head = n_head;
  source.n_head_kv = n_head_kv;
  source.head_dim = 16;
}

const Case kGroupedQueries[] = {
    {"larger_groups",
     [](auto& source, auto& target) {
       set_heads(source, 4, 2);
       target.n_head = 12;
       target.n_head_kv = 3;
       target.head_dim = 16;
     }},
    {"smaller_groups",
     [](auto& source, auto& target) {
       set_heads(source, 4, 2);
       target.n_head = 5;
       target.n_head_kv = 5;
       target.head_dim = 24;
     }},
    {"uneven_split",
     [](auto& source, auto& target) {
       set_heads(source, 4, 1);
       target.n_head = 9;
       target.n_head_kv = 3;
       target.head_dim = 16;
     }},
};

void set_everything(TinyModelOptions& source, ShapeOptions& target) {
  source.n_embd = 64;
  source.n_head = 4;
  source.n_head_kv = 2;
  source.qkv_bias = true;
  source.rope_factors = true;
  target.n_embd = 160;
  target.n_layer = 4;
  target.n_head = 15;
  target.n_head_kv = 5;
  target.head_dim = 32;
  target.n_ff = 256;
  target.n_vocab = 512;
}

const Case kTogether[] = {
    {"f32", set_everything},
    {"f16", set_everything, "F16", 0.02},
    {"q8_0", set_everything, "Q8_0", 0.2},
    {"preset_tied",
     [](auto& source, auto& target) {
       source.tied = true;
       target.like = "135M";
       target.n_layer = 3;  // the whole is slow in F32
     }},
    {"q8_0_from_q8_0",
     [](auto& source, auto& target) {
       source.type = GGML_TYPE_Q8_0;
       source.n_embd = 64;
       target.n_embd = 128;
       target.n_layer = 3;
       target.head_dim = 64;
       target.n_ff = 160;
       target.n_vocab = 320;
     },
     "Q8_0", 0.2},
};

INSTANTIATE_TEST_SUITE_P(OneAtATime, SameFunction, testing::ValuesIn(kOneAtATime),
                         testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(GroupedQueries, SameFunction, testing::ValuesIn(kGroupedQueries),
                         testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(Together, SameFunction, testing::ValuesIn(kTogether),
                         testing::PrintToStringParamName());

template <typename Options>
Options with(const std::function<void(Options&)>& change) {
  Options options;
  change(options);
  return options;
}
constexpr auto model = with<TinyModelOptions>;
constexpr auto shape = with<ShapeOptions>;

TEST(Inflate, KeepsTheMetadata) {
  const TempDir folder;
  test::write_tiny_model(folder / "in.gguf", model([](auto& o) {
                           o.chat_template = "{{ messages }}";
                           o.name = "a name";
                         }));
  inflate({folder / "in.gguf", folder / "out.gguf", shape([](auto& o) {
             o.n_embd = 64;
             o.n_vocab = 310;
           }),
           "q8_0"});
  const GgufReader out(folder / "out.gguf");
  EXPECT_EQ(out.string("general.name"), "a name");
  EXPECT_EQ(out.string("tokenizer.chat_template"), "{{ messages }}");
  EXPECT_EQ(out.u32("tokenizer.ggml.eos_token_id"), test::kTinyEos);
  EXPECT_EQ(out.u32("general.file_type"), LLAMA_FTYPE_MOSTLY_Q8_0);
  EXPECT_EQ(out.u32("llama.vocab_size"), 310U);
  const std::int64_t tokens = out.array("tokenizer.ggml.tokens", GGUF_TYPE_STRING, 310);
  EXPECT_STREQ(gguf_get_arr_str(out.gguf(), tokens, 0), "<|begin|>");
  EXPECT_STREQ(gguf_get_arr_str(out.gguf(), tokens, 309), "[PAD309]");
  EXPECT_EQ(out.tensor_type("blk.0.ffn_down.weight"), GGML_TYPE_Q8_0);
  EXPECT_EQ(out.tensor_type("blk.0.ffn_norm.weight"), GGML_TYPE_F32);
}

TEST(Inflate, TypeComesFromTheSourceWithoutPresetOrFlag) {
  const TempDir folder;
  test::write_tiny_model(folder / "in.gguf", model([](auto& o) { o.type = GGML_TYPE_F16; }));
  const fs::path in = folder / "in.gguf";
  const ShapeOptions same;
  EXPECT_EQ(inflate({in, folder / "out.gguf", same, ""}).type, GGML_TYPE_F16);
  const ShapeOptions like = shape([](auto& o) { o.like = "135M"; });
  EXPECT_EQ(inflate({in, folder / "out.gguf", like, ""}).type, GGML_TYPE_Q8_0);
}

/// Writes the file again with changed metadata.
void rewrite(const fs::path& path, const std::function<void(gguf_context*)>& change) {
  ggml_context* tensors = nullptr;
  const GgufPtr in(gguf_init_from_file(path.c_str(), {/*no_alloc=*/false, &tensors}));
  const GgufPtr out(gguf_init_empty());
  gguf_set_kv(out.get(), in.get());
  for (std::int64_t i = 0; i < gguf_get_n_tensors(in.get()); ++i) {
    gguf_add_tensor(out.get(), ggml_get_tensor(tensors, gguf_get_tensor_name(in.get(), i)));
  }
  change(out.get());
  ASSERT_TRUE(gguf_write_to_file(out.get(), path.c_str(), /*only_meta=*/false));
  ggml_free(tensors);
}

class InflateErrors : public testing::Test {
 protected:
  void SetUp() override { write_model(); }

  void write_model() {
    test::write_tiny_model(in_, model([](auto& o) { set_heads(o, 4, 2); }));
  }

  template <typename Error>
  void expect(const std::string& message, const ShapeOptions& options = {},
              const std::string& type = "F32") {
    try {
      inflate({in_, out_, options, type});
      FAIL() << "expected: " << message;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
    EXPECT_FALSE(fs::exists(out_));
  }
  void expect_shape(const std::string& message, const std::function<void(ShapeOptions&)>& change) {
    expect<UsageError>(message, shape(change));
  }
  void expect_metadata(const std::string& message,
                       const std::function<void(gguf_context*)>& change) {
    write_model();
    rewrite(in_, change);
    expect<InputError>(message);
  }

  TempDir folder_;
  fs::path in_ = folder_ / "in.gguf";
  fs::path out_ = folder_ / "out.gguf";
};

TEST_F(InflateErrors, Files) {
  std::ofstream(folder_ / "text") << "no model";
  const fs::path whole = in_;
  in_ = folder_ / "missing.gguf";
  expect<InputError>("missing.gguf: cannot read: No such file");
  in_ = folder_ / "text";
  expect<InputError>("text: not a GGUF file");
  in_ = whole.parent_path();
  expect<InputError>("is a directory");
  in_ = whole;
  out_ = folder_ / "no_such_folder/out.gguf";
  expect<InputError>("cannot write: No such file");
  out_ = folder_ / "out.gguf";
  fs::resize_file(in_, fs::file_size(in_) - 100);
  expect<InputError>("truncated: tensor 'output.weight'");
  fs::resize_file(in_, 300);
  expect<InputError>("damaged GGUF");
}

TEST_F(InflateErrors, Shapes) {
  expect_shape("--embd 16 is smaller than the model's 32", [](auto& o) { o.n_embd = 16; });
  expect_shape("--layers 1 is smaller", [](auto& o) { o.n_layer = 1; });
  expect_shape("--heads 2 is smaller", [](auto& o) {
    o.n_head = 2;
    o.head_dim = 16;
  });
  expect_shape("--head-dim 8 is smaller", [](auto& o) { o.head_dim = 8; });
  expect_shape("--ff 95 is smaller", [](auto& o) { o.n_ff = 95; });
  expect_shape("--vocab 299 is smaller", [](auto& o) { o.n_vocab = 299; });
  expect_shape("--heads 5 is not a multiple of --kv-heads 2", [](auto& o) {
    o.n_head = 5;
    o.head_dim = 16;
  });
  expect_shape("--embd 32 is not a multiple of --heads 6: give --head-dim",
               [](auto& o) { o.n_head = 6; });
  expect_shape("give --kv-heads 2 or more", [](auto& o) { o.n_head_kv = 1; });
  expect_shape("--head-dim 17 is odd", [](auto& o) { o.head_dim = 17; });
  expect_shape("beyond a float", [](auto& o) { o.head_dim = 256; });
  expect_shape("--vocab needs --embd 33 or more", [](auto& o) { o.n_vocab = 400; });
  expect_shape("--like 8B: not one of 135M, 0.5B, 1.7B, 7B", [](auto& o) { o.like = "8B"; });
}

TEST_F(InflateErrors, Types) {
  expect<UsageError>("--type Q9: not one of F32, F16", {}, "Q9");
  expect<UsageError>("blocks of 256, but a row of 'token_embd.weight' has 32", {}, "Q4_K");
}

TEST_F(InflateErrors, OtherModels) {
  expect_metadata("architecture 'qwen2'; only 'llama'",
                  [](gguf_context* g) { gguf_set_val_str(g, "general.architecture", "qwen2"); });
  expect_metadata("mixture of experts",
                  [](gguf_context* g) { gguf_set_val_u32(g, "llama.expert_count", 8); });
  expect_metadata("part of a split model",
                  [](gguf_context* g) { gguf_set_val_u16(g, "split.count", 2); });
  expect_metadata("'blk.1.attn_norm.weight' is not part of a dense llama of 1 layers",
                  [](gguf_context* g) { gguf_set_val_u32(g, "llama.block_count", 1); });
  expect_metadata("tensor 'blk.2.attn_norm.weight' is missing",
                  [](gguf_context* g) { gguf_set_val_u32(g, "llama.block_count", 3); });
  expect_metadata("'token_embd.weight' is 32 x 300, expected 64 x 300",
                  [](gguf_context* g) { gguf_set_val_u32(g, "llama.embedding_length", 64); });
  expect_metadata("impossible shape",
                  [](gguf_context* g) { gguf_set_val_u32(g, "llama.attention.head_count_kv", 0); });
  expect_metadata("is of type str, expected u32",
                  [](gguf_context* g) { gguf_set_val_str(g, "llama.feed_forward_length", "96"); });
  expect_metadata("key 'llama.block_count' is missing",
                  [](gguf_context* g) { gguf_remove_key(g, "llama.block_count"); });
}

TEST_F(InflateErrors, DiskTooSmall) {
  expect<ResourceError>("the disk has", shape([](auto& o) {
                          o.n_embd = 1 << 20;
                          o.n_ff = 1 << 20;
                          o.n_layer = 500;
                        }));
}

TEST_F(InflateErrors, KeepTheOldFile) {
  std::ofstream(out_) << "old";
  EXPECT_THROW(inflate({in_, out_, shape([](auto& o) { o.n_embd = 16; }), "F32"}), UsageError);
  EXPECT_EQ(fs::file_size(out_), 3U);
}

}  // namespace
}  // namespace citer::inflate
