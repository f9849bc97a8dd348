// The program around the library: exit status, one line of error, a write that fails midway.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/subprocess.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace citer {
namespace {

namespace fs = std::filesystem;
using test::ProcessResult;
using testing::HasSubstr;
using testing::MatchesRegex;

ProcessResult run(const std::vector<std::string>& arguments) {
  return test::run_process(CITER_INFLATE_PROGRAM, arguments);
}

class InflateProgram : public testing::Test {
 protected:
  void SetUp() override { test::write_tiny_model(in_); }

  /// Runs the program from in_ to out_.
  [[nodiscard]] ProcessResult inflate(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {in_.string(), out_.string()});
    return run(arguments);
  }

  test::TempDir folder_;
  fs::path in_ = folder_ / "in.gguf";
  fs::path out_ = folder_ / "out.gguf";
};

TEST_F(InflateProgram, TellsItsVersionAndHelp) {
  EXPECT_EQ(run({"--version"}).status, 0);
  EXPECT_THAT(run({"--version"}).out, MatchesRegex("citer-inflate [0-9.]+\n"));
  EXPECT_EQ(run({"--help"}).status, 0);
  EXPECT_THAT(run({"--help"}).out, HasSubstr("SmolLM-135M"));
}

TEST_F(InflateProgram, SaysWhatItWrote) {
  const ProcessResult result = inflate({"--embd", "64", "--heads", "4", "--type", "f16"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr("d 64, 2 layers, 4 heads of 16 (4 kv), ff 96, 300 tokens"));
  EXPECT_TRUE(fs::exists(out_));
}

TEST_F(InflateProgram, RefusesWithOneLine) {
  const std::vector<std::vector<std::string>> requests = {
      {"--embd", "0"}, {"--embd", "x"}, {"--nonsense"}, {"--embd", "16"}, {"--type", "Q9"}};
  for (const auto& request : requests) {
    const ProcessResult result = inflate(request);
    EXPECT_EQ(result.status, 2) << request[0];
    EXPECT_THAT(result.err, MatchesRegex("citer-inflate: [^\n]+\n")) << request[0];
  }
  const ProcessResult result = run({"/no/such/file", out_.string()});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, MatchesRegex("citer-inflate: /no/such/file: cannot read[^\n]+\n"));
}

TEST_F(InflateProgram, FailedWriteLeavesNoFile) {
  // A limit on the size of files acts as a disk that fills up; its signal must not kill.
  const ProcessResult result = test::run_process(
      "/bin/sh", {"-c", "trap '' XFSZ; ulimit -f 100; exec \"$@\"", "sh", CITER_INFLATE_PROGRAM,
                  in_.string(), out_.string(), "--layers", "20"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("cannot write: File too large"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1) << "in.gguf alone";
}

}  // namespace
}  // namespace citer
