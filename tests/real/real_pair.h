#pragma once

#include <cstdlib>
#include <optional>

#include "cli/program.h"

namespace citer::test {

/// The folder that `./dev real` keeps the pair in, whether it is there or not.
inline std::filesystem::path real_pair_folder() {
  const auto variable = [](const char* name) -> std::optional<std::filesystem::path> {
    const char* value = std::getenv(name);
    return value == nullptr || *value == '\0' ? std::nullopt : std::optional(value);
  };
  if (const auto named = variable("CITER_REAL_PAIR")) return *named;
  const auto cache = variable("XDG_CACHE_HOME");
  return cache.value_or(variable("HOME").value_or("/") / ".cache") / "citer" / "real-pair";
}

/// Runs the program with the real pair as the bundled one: one thread, one sequence, and no flash
/// attention, so that the same work gives the same digits whichever way it is asked for.
class RealPairTest : public ProgramTest {
 protected:
  RealPairTest() : ProgramTest(real_pair_folder()) {}
  void SetUp() override {
    if (std::getenv("CITER_REAL_PAIR") == nullptr && !std::filesystem::exists(llm())) {
      GTEST_SKIP() << "the real pair is not in " << models_ << " (./dev real fetches it)";
    }
  }

  std::string slm() const { return (models_ / "slm.gguf").string(); }
  std::string llm() const { return (models_ / "llm.gguf").string(); }

  static Arguments flags() {
    return {"-t", "1", "-td", "1", "-fa", "off", "-np", "1", "-c", "512"};
  }

  static json question(const std::string& content) {
    return {{"messages", {{{"role", "user"}, {"content", content}}}}};
  }

  /// The answers to these prompts, as `citer generate` prints them.
  std::vector<json> generate(const std::vector<json>& prompts, const Arguments& more) const {
    std::string lines;
    for (const json& prompt : prompts) lines += prompt.dump() + "\n";
    Arguments arguments = {"generate", "--prompts", write("prompts.jsonl", lines)};
    for (const Arguments& some : {flags(), more}) {
      arguments.insert(arguments.end(), some.begin(), some.end());
    }
    std::vector<json> answers = json_lines(run_long(arguments));
    EXPECT_EQ(answers.size(), prompts.size());
    return answers;
  }
};

}  // namespace citer::test
