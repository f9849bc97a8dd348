// Where weights and caches lie, of what type they are, and what is added to them.
#include "model/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "citer/error.h"
#include "model/backend.h"
#include "model/context.h"
#include "model/fingerprint.h"
#include "model/model.h"
#include "support/compare.h"
#include "support/error_text.h"
#include "support/llama_runner.h"
#include "support/odd_models.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

using test::error_text;
using testing::AllOf;
using testing::HasSubstr;

const std::vector<Token> kTokens = {0, 70, 80, 90, 100};

/// libllama's own log while it lives; other tests of this program may have silenced it.
class LogCapture {
 public:
  LogCapture() {
    init_backends();
    llama_log_get(&callback_, &user_data_);
    llama_log_set([](ggml_log_level, const char* line,
                     void* self) { static_cast<LogCapture*>(self)->text += line; },
                  this);
  }
  ~LogCapture() { llama_log_set(callback_, user_data_); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  std::string text;

 private:
  ggml_log_callback callback_ = nullptr;
  void* user_data_ = nullptr;
};

class PlacementTest : public testing::Test {
 protected:
  PlacementTest() { test::write_tiny_model(path("tiny.gguf"), {.n_embd = 64}); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  ModelOptions options() const {
    return {
        .path = path("tiny.gguf"), .devices = "none", .cache_type_k = "f32", .cache_type_v = "f32"};
  }

  static std::vector<float> logits(const ModelOptions& options) {
    ModelContext context(Model::load(options), {.flash_attention = "off"});
    const int last = static_cast<int>(kTokens.size()) - 1;
    const RowRequest request{0, kTokens, {&last, 1}};
    context.forward({&request, 1});
    const auto row = context.row(0, 0).logits;
    return {row.begin(), row.end()};
  }

  std::string field_error(const ModelOptions& options) const {
    return error_text<FieldError>([&] { logits(options); });
  }

  /// MiB of the KV cache, as libllama logs it.
  double cache_mib(const std::string& type) const {
    ModelOptions typed = options();
    typed.cache_type_k = typed.cache_type_v = type;
    const LogCapture log;
    const ModelContext context(Model::load(typed), {});
    const std::string key = "KV buffer size =";
    const std::size_t at = log.text.find(key);
    EXPECT_NE(at, std::string::npos) << log.text;
    return at == std::string::npos ? 0.0 : std::stod(log.text.substr(at + key.size()));
  }

  test::TempDir folder_;
};

TEST_F(PlacementTest, CacheTypesTakeTheirMemory) {
  const double f32 = cache_mib("f32");
  EXPECT_GT(f32, 0.0);
  EXPECT_NEAR(cache_mib("f16"), f32 / 2, 0.02);
  EXPECT_NEAR(cache_mib("q8_0"), f32 * 34 / 128, 0.02) << "34 bytes for 32 values";
  EXPECT_NEAR(cache_mib("iq4_nl"), f32 * 18 / 128, 0.02);
}

TEST_F(PlacementTest, ContextsSayWhatATokenTakes) {
  const auto bytes = [&](const std::string& k, const std::string& v) {
    ModelOptions typed = options();
    typed.cache_type_k = k;
    typed.cache_type_v = v;
    return Model::load(typed)->cache_bytes_per_token();
  };
  EXPECT_EQ(bytes("f16", "f16") * 2, bytes("f32", "f32"));
  EXPECT_EQ(bytes("q8_0", "f16") * 128, bytes("f32", "f32") * (34 + 64) / 2);
}

TEST_F(PlacementTest, AnAdapterGivesWhatItsModelMergedWithItGives) {
  const std::vector<float> plain = logits(options());
  for (const float scale : {1.0F, 0.25F}) {
    test::write_lora_adapter(path("tiny.gguf"), path("lora.gguf"), path("merged.gguf"), scale);
    ModelOptions adapted = options();
    adapted.lora = {{path("lora.gguf"), scale}};
    const std::vector<float> found = logits(adapted);
    test::LlamaRunner merged(path("merged.gguf"));
    EXPECT_LT(test::max_difference(found, merged.logits(kTokens).back()), 1e-3);
    EXPECT_GT(test::max_difference(found, plain), 0.1);
  }
}

TEST_F(PlacementTest, AnAdapterOfAnotherModelIsRefused) {
  test::write_tiny_model(path("wide.gguf"), {.n_embd = 96});
  test::write_lora_adapter(path("wide.gguf"), path("lora.gguf"), path("merged.gguf"));
  ModelOptions adapted = options();
  adapted.lora = {{path("lora.gguf")}};
  EXPECT_THAT(error_text<InputError>([&] { Model::load(adapted); }),
              AllOf(HasSubstr(path("lora.gguf")), HasSubstr(path("tiny.gguf"))));
  adapted.lora = {{path("tiny.gguf")}};
  EXPECT_THAT(error_text<InputError>([&] { Model::load(adapted); }),
              HasSubstr("no LoRA adapter for"));
  adapted.lora = {{path("none.gguf")}};
  EXPECT_THAT(error_text<InputError>([&] { Model::load(adapted); }),
              HasSubstr(path("none.gguf") + ": no such file"));
}

TEST_F(PlacementTest, AdaptersMakeAnotherModelOfIt) {
  test::write_lora_adapter(path("tiny.gguf"), path("lora.gguf"), path("merged.gguf"));
  ModelOptions adapted = options();
  adapted.lora = {{path("lora.gguf")}};
  ModelOptions weaker = adapted;
  weaker.lora[0].scale = 0.5F;
  EXPECT_EQ(model_fingerprint(options()), file_fingerprint(path("tiny.gguf")));
  EXPECT_NE(model_fingerprint(options()), model_fingerprint(adapted));
  EXPECT_NE(model_fingerprint(weaker), model_fingerprint(adapted));
}

TEST_F(PlacementTest, TensorsThatMatchAreOverridden) {
  ModelOptions placed = options();
  placed.override_tensor = {{R"(blk\.1\.ffn_)", "CPU"}};
  const std::vector<float> plain = logits(options());
  const LogCapture log;
  EXPECT_EQ(logits(placed), plain);
  const auto is_overridden = [&](const std::string& tensor) {
    return log.text.find(tensor + " (0 MiB f32) buffer type overridden to CPU") !=
           std::string::npos;
  };
  EXPECT_TRUE(is_overridden("blk.1.ffn_down.weight"));
  EXPECT_FALSE(is_overridden("blk.0.ffn_down.weight"));
}

TEST_F(PlacementTest, ExpertsStayWithTheCpu) {
  ModelOptions placed = options();
  placed.n_cpu_moe = 2;
  const Placement first_layers(placed);
  const auto* overrides = first_layers.params().tensor_buft_overrides;
  ASSERT_NE(overrides, nullptr);
  EXPECT_THAT(overrides[1].pattern, HasSubstr(R"(blk\.1\.ffn_(up|down|gate|gate_up)_(ch|)exps)"));
  EXPECT_STREQ(ggml_backend_buft_name(overrides[1].buft), "CPU");
  EXPECT_EQ(overrides[2].pattern, nullptr);
  placed.n_cpu_moe = 0;
  placed.cpu_moe = true;
  EXPECT_EQ(Placement(placed).params().tensor_buft_overrides[1].pattern, nullptr);
}

TEST_F(PlacementTest, SharesAndSplitModeAreHandedOn) {
  ModelOptions placed = options();
  placed.split_mode = "row";
  placed.main_gpu = 1;
  placed.tensor_split = {3, 1};
  const Placement placement(placed);
  EXPECT_EQ(placement.params().split_mode, LLAMA_SPLIT_MODE_ROW);
  EXPECT_EQ(placement.params().main_gpu, 1);
  EXPECT_EQ(placement.params().tensor_split[0], 3);
  EXPECT_EQ(placement.params().tensor_split[llama_max_devices() - 1], 0);
}

TEST_F(PlacementTest, WhatMakesNoSenseIsNamed) {
  ModelOptions wrong = options();
  wrong.split_mode = "half";
  EXPECT_THAT(field_error(wrong), AllOf(HasSubstr("split_mode"), HasSubstr("'half'")));
  wrong = options();
  wrong.main_gpu = -1;
  EXPECT_THAT(field_error(wrong), AllOf(HasSubstr("main_gpu"), HasSubstr("-1")));
  for (const std::vector<float>& shares :
       {std::vector<float>{0, 0}, {1, -1}, std::vector<float>(1000, 1)}) {
    wrong = options();
    wrong.tensor_split = shares;
    EXPECT_THAT(field_error(wrong), HasSubstr("tensor_split"));
  }
  wrong = options();
  wrong.override_tensor = {{"x", "Abacus"}};
  EXPECT_THAT(field_error(wrong),
              AllOf(HasSubstr("override_tensor"), HasSubstr("'Abacus'"), HasSubstr("CPU")));
  wrong = options();
  wrong.cache_type_v = "q9";
  EXPECT_THAT(field_error(wrong), AllOf(HasSubstr("cache_type_v"), HasSubstr("'q9'")));
  wrong = options();
  wrong.override_tensor = {{"(", "CPU"}};
  EXPECT_THAT(error_text<InputError>([&] { logits(wrong); }), HasSubstr(path("tiny.gguf")));
}

TEST(Fit, KeepsAsManyLayersAsThereIsRoomFor) {
  EXPECT_EQ(layers_that_fit(1000, 10, 1000), -1) << "all";
  EXPECT_EQ(layers_that_fit(1000, 10, 999), 9);
  EXPECT_EQ(layers_that_fit(1000, 10, 550), 5);
  EXPECT_EQ(layers_that_fit(1000, 10, 0), 0);
  EXPECT_EQ(layers_that_fit(1000, 0, 10), -1) << "a number of layers that nobody says";
}

}  // namespace
}  // namespace citer
