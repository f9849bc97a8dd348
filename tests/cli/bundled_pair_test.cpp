// The program on the pair it comes with, as a new user runs it: no model named.
#include "cli/program.h"

namespace citer {
namespace {

using test::Arguments;
using test::json;

class BundledPair : public test::BundledProgramTest {
 protected:
  std::vector<json> answers(const Arguments& extra) const {
    Arguments arguments = {"generate", "--prompts", first_lines("math.test.jsonl", 12)};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return json_lines(run_long(arguments));
  }
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
  EXPECT_EQ(
      run_well({"chat"}, "Ann has 3 apples and buys 4 more. How many apples does Ann have?\n"),
      run_well({"generate", "-p",
                "Question: Ann has 3 apples and buys 4 more. How many apples does Ann have?\n"
                "Solution:"}));
}

}  // namespace
}  // namespace citer
