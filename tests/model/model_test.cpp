// Loading models that libllama can read: what is accepted, what is refused and how.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "citer/error.h"
#include "model/backend.h"
#include "model/context.h"
#include "model/model.h"
#include "support/error_text.h"
#include "support/odd_models.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

using test::error_text;
using test::TempDir;
using testing::HasSubstr;

class ModelTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  TempDir folder_;
};

TEST_F(ModelTest, DescribesItself) {
  test::write_tiny_model(path("tiny.gguf"),
                         {.n_embd = 48, .n_ctx = 300, .chat_template = "{{ 1 }}"});
  const auto model = Model::load({.path = path("tiny.gguf")});
  EXPECT_THAT(model->description(), HasSubstr("llama"));
  EXPECT_EQ(model->n_embd(), 48);
  EXPECT_EQ(model->trained_context(), 300);
  EXPECT_EQ(model->chat_template(), "{{ 1 }}");
  EXPECT_EQ(model->memory(), MemoryKind::kEveryToken);
  EXPECT_EQ(model->bytes(), 4 * model->parameters());
}

TEST_F(ModelTest, SmallModelsRunOnOneThreadUnlessTold) {
  test::write_tiny_model(path("tiny.gguf"));
  EXPECT_EQ(Model::load({.path = path("tiny.gguf")})->threads(), 1);
  EXPECT_EQ(Model::load({.path = path("tiny.gguf"), .threads = 3})->threads(), 3);
}

TEST_F(ModelTest, LoadsWithoutMapping) {
  test::write_tiny_model(path("tiny.gguf"));
  EXPECT_EQ(Model::load({.path = path("tiny.gguf"), .mmap = false})->n_embd(), 32);
}

TEST_F(ModelTest, EncoderIsRefused) {
  test::write_encoder_model(path("encoder.gguf"));
  const std::string text =
      error_text<InputError>([&] { Model::load({.path = path("encoder.gguf")}); });
  EXPECT_EQ(text, path("encoder.gguf") + ": this model does not generate text (it has no decoder)");
}

TEST_F(ModelTest, EmbedderIsRefused) {
  test::write_embedder_model(path("embedder.gguf"));
  const std::string text = error_text<InputError>(
      [&] { const ModelContext context(Model::load({.path = path("embedder.gguf")}), {}); });
  EXPECT_THAT(text, HasSubstr(path("embedder.gguf") + ": this model does not generate text"));
}

TEST_F(ModelTest, UnknownDeviceIsNamedWithTheKnownOnes) {
  test::write_tiny_model(path("tiny.gguf"));
  const std::string text = error_text<InputError>(
      [&] { Model::load({.path = path("tiny.gguf"), .devices = "Abacus0"}); });
  EXPECT_THAT(text, HasSubstr("'Abacus0'"));
  for (const DeviceInfo& device : list_devices()) EXPECT_THAT(text, HasSubstr(device.name));
}

TEST_F(ModelTest, ModelWithoutAVocabularyIsRefused) {
  test::write_tiny_model(path("tiny.gguf"));
  test::edit_gguf(path("tiny.gguf"), path("mute.gguf"),
                  [](gguf_context* g) { gguf_set_val_str(g, "tokenizer.ggml.model", "no_vocab"); });
  const std::string text =
      error_text<InputError>([&] { Model::load({.path = path("mute.gguf")}); });
  EXPECT_THAT(text, HasSubstr(path("mute.gguf")));
  EXPECT_THAT(text, HasSubstr("vocabulary"));
}

}  // namespace
}  // namespace citer
