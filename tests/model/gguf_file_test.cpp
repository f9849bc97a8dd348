// Files that are no sound GGUF: always an InputError of one line that names the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/file.h"
#include "citer/error.h"
#include "model/gguf_file.h"
#include "model/model.h"
#include "support/error_text.h"
#include "support/odd_models.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

namespace fs = std::filesystem;
using test::error_text;
using test::TempDir;
using testing::Contains;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

class GgufFile : public testing::Test {
 protected:
  /// What loading the file says; the file is always named first.
  static std::string load_error(const fs::path& path) {
    const std::string text =
        error_text<InputError>([&] { Model::load({.path = path.string(), .devices = "none"}); });
    EXPECT_THAT(text, StartsWith(path.string() + ": "));
    return text;
  }

  std::string error_of(std::string_view bytes) const {
    write_file(folder_ / "bad.gguf", bytes);
    return load_error(folder_ / "bad.gguf");
  }

  TempDir folder_;
};

TEST_F(GgufFile, Missing) {
  EXPECT_THAT(load_error(folder_ / "none.gguf"), HasSubstr("no such file"));
}

TEST_F(GgufFile, Directory) {
  EXPECT_THAT(load_error(folder_.path()), HasSubstr("is a directory"));
}

TEST_F(GgufFile, Empty) { EXPECT_THAT(error_of(""), HasSubstr("not a GGUF file")); }

TEST_F(GgufFile, Text) {
  EXPECT_THAT(error_of("{\"prompt\": \"hello\"}\n"), HasSubstr("(starts with bytes '7b227072'"));
}

TEST_F(GgufFile, MagicAlone) { EXPECT_THAT(error_of("GGUF"), HasSubstr("damaged or truncated")); }

TEST_F(GgufFile, HeaderOfNoise) {
  std::string bytes = "GGUF";
  for (int i = 0; i < 4000; ++i) bytes += static_cast<char>(i * 37 + i / 7);
  EXPECT_THAT(error_of(bytes), HasSubstr("damaged or truncated"));
}

TEST_F(GgufFile, TruncatedAnywhere) {
  const fs::path whole = folder_ / "whole.gguf";
  test::write_tiny_model(whole, {.n_embd = 16, .n_layer = 1, .n_ff = 32});
  const std::string bytes = read_file(whole);
  const std::size_t data = bytes.size() - read_gguf_summary(whole).parameters * sizeof(float);
  std::set<std::size_t> sizes = {bytes.size() - 1, bytes.size() - 64, data - 1, data, data + 1};
  for (std::size_t n = 4; n < 600; n += 11) sizes.insert(n);             // the first keys
  for (std::size_t n = 4; n < bytes.size(); n += 1501) sizes.insert(n);  // vocabulary, tensors
  for (const std::size_t size : sizes) {
    SCOPED_TRACE(std::to_string(size) + " of " + std::to_string(bytes.size()) + " bytes");
    EXPECT_THAT(error_of(std::string_view(bytes).substr(0, size)), HasSubstr("truncated"));
  }
}

TEST_F(GgufFile, SoundFileWithoutAModel) {
  const fs::path path = folder_ / "metadata.gguf";
  gguf_context* gguf = gguf_init_empty();
  gguf_set_val_str(gguf, "general.architecture", "citer-router");
  ASSERT_TRUE(gguf_write_to_file(gguf, path.c_str(), false));
  gguf_free(gguf);
  EXPECT_EQ(read_gguf_summary(path).architecture, "citer-router");
  EXPECT_THAT(load_error(path), HasSubstr("cannot load this model"));
}

TEST_F(GgufFile, MissingMetadataIsNamed) {
  test::write_tiny_model(folder_ / "whole.gguf");
  test::edit_gguf(folder_ / "whole.gguf", folder_ / "cut.gguf",
                  [](gguf_context* g) { gguf_remove_key(g, "llama.block_count"); });
  EXPECT_THAT(load_error(folder_ / "cut.gguf"), HasSubstr("cannot load this model"));
}

TEST_F(GgufFile, SummaryTellsWhatIsThere) {
  const fs::path path = folder_ / "tiny.gguf";
  test::write_tiny_model(path, {.n_layer = 1, .name = "a name"});
  const GgufSummary summary = read_gguf_summary(path);
  EXPECT_EQ(summary.architecture, "llama");
  EXPECT_EQ(summary.name, "a name");
  EXPECT_EQ(summary.file_bytes, fs::file_size(path));
  EXPECT_EQ(summary.tensors, 12);
  EXPECT_EQ(summary.types, (std::vector<std::pair<std::string, int>>{{"f32", 12}}));
  EXPECT_EQ(summary.parameters,
            static_cast<std::int64_t>(Model::load({.path = path.string()})->parameters()));
  EXPECT_THAT(summary.metadata, Contains(Pair("llama.block_count", "1")));
  EXPECT_THAT(summary.metadata, Contains(Pair("tokenizer.ggml.add_bos_token", "true")));
  EXPECT_THAT(summary.metadata,
              Contains(Pair("tokenizer.ggml.tokens",
                            AllOf(StartsWith("[\"<|begin|>\", "), HasSubstr("300 in all]")))));
}

}  // namespace
}  // namespace citer
