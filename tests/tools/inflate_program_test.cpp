// The program around the library: exit status, one line of error, a write that fails midway.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "support/tiny_model.h"

namespace citer {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::MatchesRegex;

struct Outcome {
  int status = -1;
  std::string output;  // stdout and stderr
};

Outcome run(const std::string& arguments, const std::string& before = "") {
  const std::string command =
      fmt::format("{}'{}' {} 2>&1", before, CITER_INFLATE_PROGRAM, arguments);
  std::FILE* pipe = ::popen(command.c_str(), "r");
  Outcome outcome;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    outcome.output.append(buffer.data(), n);
  }
  outcome.status = WEXITSTATUS(::pclose(pipe));
  return outcome;
}

class InflateProgram : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    test::write_tiny_model(folder_ / "in.gguf");
  }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] std::string files() const {
    return fmt::format("'{0}/in.gguf' '{0}/out.gguf' ", folder_.string());
  }

  fs::path folder_ = fs::path(testing::TempDir()) / "citer_inflate_program";
};

TEST_F(InflateProgram, TellsItsVersionAndHelp) {
  EXPECT_EQ(run("--version").status, 0);
  EXPECT_THAT(run("--version").output, MatchesRegex("citer-inflate [0-9.]+\n"));
  EXPECT_EQ(run("--help").status, 0);
  EXPECT_THAT(run("--help").output, HasSubstr("SmolLM-135M"));
}

TEST_F(InflateProgram, SaysWhatItWrote) {
  const Outcome outcome = run(files() + "--embd 64 --heads 4 --type f16");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.output, HasSubstr("d 64, 2 layers, 4 heads of 16 (4 kv), ff 96, 300 tokens"));
  EXPECT_TRUE(fs::exists(folder_ / "out.gguf"));
}

TEST_F(InflateProgram, RefusesWithOneLine) {
  for (const char* arguments : {"--embd 0", "--embd x", "--nonsense", "--embd 16", "--type Q9"}) {
    const Outcome outcome = run(files() + arguments);
    EXPECT_EQ(outcome.status, 2) << arguments;
    EXPECT_THAT(outcome.output, MatchesRegex("citer-inflate: [^\n]+\n")) << arguments;
  }
  const Outcome outcome = run("/no/such/file out.gguf");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.output, MatchesRegex("citer-inflate: /no/such/file: cannot read[^\n]+\n"));
}

TEST_F(InflateProgram, FailedWriteLeavesNoFile) {
  // A limit on the size of files acts as a disk that fills up; its signal must not kill.
  const Outcome outcome = run(files() + "--layers 20", "trap '' XFSZ; ulimit -f 100; ");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.output, HasSubstr("cannot write: File too large"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "in.gguf alone";
}

}  // namespace
}  // namespace citer
