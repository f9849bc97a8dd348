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
  ProgramTest() {
    write_tiny_model(folder_ / "llm.gguf", {.seed = 31});
    write_close_model(folder_ / "llm.gguf", folder_ / "slm.gguf", 0.15F);
  }

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

  ProcessResult run(const Arguments& arguments, const std::string& input = "") const {
    return run_process(CITER_PROGRAM, arguments,
                       {.input = input,
                        .environment = {{"CITER_MODEL_DIR", folder_.path().string()}},
                        .folder = folder_.path()});
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
};

}  // namespace citer::test
