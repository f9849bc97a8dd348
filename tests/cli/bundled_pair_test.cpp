// The program on the pair it comes with, as a new user runs it: no model named.
#include <cstdlib>

#include "cli/program.h"

namespace citer {
namespace {

using test::Arguments;
using test::json;

constexpr const char* kFolder = CITER_SOURCE_DIR "/models/demo/";

class BundledPair : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(std::string(kFolder) + "llm.gguf")) GTEST_SKIP() << "no pair";
    std::ifstream test_file(std::string(kFolder) + "data/math.test.jsonl");
    std::ofstream few(folder_ / "few.jsonl");
    std::string line;
    for (int i = 0; i < 12 && std::getline(test_file, line); ++i) few << line << "\n";
  }

  /// Standard output of a run that succeeds.
  static std::string run(const Arguments& arguments, const std::string& input = "") {
    const test::ProcessResult result = test::run_process(
        CITER_PROGRAM, arguments, {.input = input, .environment = {{"CITER_MODEL_DIR", kFolder}}});
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  }

  std::vector<json> answers(const Arguments& extra) const {
    Arguments arguments = {"generate", "--prompts", (folder_ / "few.jsonl").string()};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    std::istringstream lines(run(arguments));
    std::vector<json> objects;
    for (std::string line; std::getline(lines, line);) objects.push_back(json::parse(line));
    return objects;
  }

  test::TempDir folder_;
};

TEST_F(BundledPair, AnswersTestProblemsTogetherAsOneByOne) {
  const auto with = [](const char* parallel) {
    return Arguments{"-np",  parallel, "-fa",   "off", "-ctk",  "f32",
                     "-ctv", "f32",    "-ctkd", "f32", "-ctvd", "f32"};
  };
  const std::vector<json> solo = answers(with("1"));
  const std::vector<json> batched = answers(with("5"));
  ASSERT_EQ(solo.size(), 12U);
  ASSERT_EQ(batched.size(), 12U);
  int llm_tokens = 0;
  int slm_tokens = 0;
  for (std::size_t i = 0; i < solo.size(); ++i) {
    EXPECT_EQ(batched[i].at("text"), solo[i].at("text"));
    EXPECT_EQ(solo[i].at("finish_reason"), "stop");
    EXPECT_THAT(solo[i].at("text").get<std::string>(), testing::HasSubstr("\\boxed{"));
    llm_tokens += solo[i].at("llm_tokens").get<int>();
    slm_tokens += solo[i].at("slm_tokens").get<int>();
  }
  EXPECT_GT(llm_tokens, 0);
  EXPECT_GT(slm_tokens, llm_tokens) << "the SLM writes most tokens by default";
}

TEST_F(BundledPair, ChatLeadsToTheTasksPromptForm) {
  EXPECT_EQ(run({"chat"}, "Ann has 3 apples and buys 4 more. How many apples does Ann have?\n"),
            run({"generate", "-p",
                 "Question: Ann has 3 apples and buys 4 more. How many apples does Ann have?\n"
                 "Solution:"}));
}

}  // namespace
}  // namespace citer
