#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "citer/error.h"

namespace citer {
namespace {

namespace fs = std::filesystem;

TEST(Utf8, HoldsBackOnlyOpenCharacters) {
  EXPECT_EQ(complete_utf8_length(""), 0U);
  EXPECT_EQ(complete_utf8_length("abc"), 3U);
  EXPECT_EQ(complete_utf8_length("a\xC3"), 1U);
  EXPECT_EQ(complete_utf8_length("a\xC3\xA9"), 3U);
  EXPECT_EQ(complete_utf8_length("\xE2\x82"), 0U);
  EXPECT_EQ(complete_utf8_length("\xF0\x9F\x98"), 0U);
  EXPECT_EQ(complete_utf8_length("\xF0\x9F\x98\x80"), 4U);
  EXPECT_EQ(complete_utf8_length("a\x80\x80"), 3U) << "stray continuation bytes never complete";
  EXPECT_EQ(complete_utf8_length("\xE0\x80"), 2U) << "an overlong start never completes";
}

TEST(Utf8, ReplacesInvalidBytes) {
  EXPECT_EQ(valid_utf8("h\xC3\xA9llo"), "h\xC3\xA9llo");
  EXPECT_EQ(valid_utf8("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(valid_utf8("\xF0\x9F\x98"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(Rng, AddressedDrawsDependOnEveryPart) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (std::uint64_t stream = 0; stream < 10; ++stream) {
      for (std::uint64_t index = 0; index < 10; ++index) {
        seen.insert(random_at(seed, stream, index));
      }
    }
  }
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_EQ(random_at(1, 2, 3), random_at(1, 2, 3));
}

TEST(Rng, UniformCoversItsRange) {
  Rng rng(7);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 200; ++i) seen.insert(rng.uniform(-2, 2));
  EXPECT_EQ(seen, (std::set<std::int64_t>{-2, -1, 0, 1, 2}));
}

TEST(File, ReplaceLeavesTheOldFileWhenWritingFails) {
  const fs::path path = fs::path(testing::TempDir()) / "citer_replace_test";
  write_file(path, "old");
  EXPECT_THROW(replace_file(path,
                            [](const fs::path& temporary) {
                              write_file(temporary, "half");
                              throw InputError("stop");
                            }),
               InputError);
  EXPECT_EQ(read_file(path), "old");
  int left = 0;
  for (const auto& entry : fs::directory_iterator(testing::TempDir())) {
    left += entry.path().filename().string().starts_with("citer_replace_test") ? 1 : 0;
  }
  EXPECT_EQ(left, 1) << "no temporary file stays behind";
  fs::remove(path);
}

TEST(File, ErrorsNameThePath) {
  try {
    read_file("/nonexistent/file");
    FAIL();
  } catch (const InputError& e) {
    EXPECT_STREQ(e.what(), "/nonexistent/file: cannot read: No such file or directory");
  }
  EXPECT_THROW(read_file(testing::TempDir()), InputError);
}

TEST(File, LinesAreNumberedAndStripped) {
  const fs::path path = fs::path(testing::TempDir()) / "citer_lines_test";
  write_file(path, "one\r\n\nthree");
  std::string seen;
  for_each_line(path, [&](std::string_view text, int number) {
    seen += std::to_string(number) + ":" + std::string(text) + ";";
  });
  EXPECT_EQ(seen, "1:one;2:;3:three;");
  fs::remove(path);
}

}  // namespace
}  // namespace citer
