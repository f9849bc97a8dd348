#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/odd_models.h"
#include "support/subprocess.h"
#include "support/temp_dir.h"

namespace citer::test {

using nlohmann::json;
using Arguments = std::vector<std::string>;

constexpr int kInputError = 1;
constexpr int kUsageError = 2;

/// Runs the real program with a tiny pair as the bundled one.
class ProgramTest : public testing::Test {
 protected:
  ProgramTest() : models_(folder_.path()) {
    write_tiny_model(folder_ / "llm.gguf", {.seed = 31});
    write_close_model(folder_ / "llm.gguf", folder_ / "slm.gguf", 0.15F);
  }

  /// With the files of another folder as the bundled ones.
  explicit ProgramTest(std::filesystem::path models) : models_(std::move(models)) {}

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return path(name);
  }

  std::string read(const std::string& name) const {
    std::ostringstream bytes;
    bytes << std::ifstream(folder_ / name, std::ios::binary).rdbuf();
    return bytes.str();
  }

  ProcessResult run(const Arguments& arguments, const std::string& input = "",
                    std::chrono::milliseconds kill_after = {}) const {
    return run_process(CITER_PROGRAM, arguments,
                       {.input = input,
                        .environment = {{"CITER_MODEL_DIR", models_.string()}},
                        .folder = folder_.path(),
                        .kill_after = kill_after});
  }

  /// Runs to success; stderr may say how it goes on.
  std::string run_long(const Arguments& arguments) const {
    const ProcessResult result = run(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  }

  /// Runs to success; stderr must stay empty.
  std::string run_well(const Arguments& arguments, const std::string& input = "") const {
    const ProcessResult result = run(arguments, input);
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.err, "");
    return result.out;
  }

  /// Runs to an error: this status, nothing on stdout, one line on stderr. Returns that line.
  std::string run_badly(const Arguments& arguments, int status) const {
    const ProcessResult result = run(arguments);
    EXPECT_EQ(result.status, status);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, testing::StartsWith("citer: "));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_THAT(result.err, testing::EndsWith("\n"));
    return result.err;
  }

  static std::vector<json> json_lines(const std::string& text) {
    std::vector<json> objects;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) objects.push_back(json::parse(line));
    return objects;
  }

  TempDir folder_;
  std::filesystem::path models_;  ///< what stands for the bundled files
};

/// Runs it on the pair it comes with, as a new user does.
class BundledProgramTest : public ProgramTest {
 protected:
  BundledProgramTest() : ProgramTest(CITER_SOURCE_DIR "/models/demo") {}

  std::string bundled(const std::string& name) const { return (models_ / name).string(); }

  /// The first `n` lines of a bundled data file, as a file in the test's folder.
  std::string first_lines(const std::string& name, int n) const {
    std::ifstream from(models_ / "data" / name);
    std::string text;
    std::string line;
    for (int i = 0; i < n && std::getline(from, line); ++i) text += line + "\n";
    return write(name, text);
  }
};

}  // namespace citer::test
