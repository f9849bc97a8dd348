// citer judge: texts of other systems.
#include "cli/program.h"

namespace citer::test {
namespace {

using testing::HasSubstr;

class JudgeProgram : public ProgramTest {};

TEST_F(JudgeProgram, JudgesEachLineInOrder) {
  const std::string data = write(
      "texts.jsonl",
      R"({"data": "math", "gold": "1,024", "text": "So it is \\boxed{2^{10}}."})"
      "\n"
      R"({"data": "math", "gold": 7, "text": "I do not know."})"
      "\n\n"
      R"({"data": "mc", "gold": "B", "choices": [["A", "moss"], ["B", "reeds"]], "text": "b."})"
      "\n"
      R"({"data": "mc", "gold": "A", "choices": ["moss", "reeds"], "text": "Surely reeds grow."})"
      "\n");
  const auto lines = json_lines(run_well({"judge", "--data", data}));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], (json{{"correct", true},
                            {"answer", "2^{10}"},
                            {"rule", "boxed"},
                            {"comparison", "exact"},
                            {"confidence", "high"}}));
  EXPECT_EQ(lines[1], (json{{"correct", false},
                            {"answer", nullptr},
                            {"rule", "none"},
                            {"comparison", "none"},
                            {"confidence", "low"}}));
  EXPECT_EQ(lines[2]["answer"], "B");
  EXPECT_EQ(lines[2]["correct"], true);
  EXPECT_EQ(lines[3]["answer"], "B");
  EXPECT_EQ(lines[3]["correct"], false);
  EXPECT_EQ(lines[3]["confidence"], "low");
}

TEST_F(JudgeProgram, RunsCode) {
  const std::string data = write(
      "code.jsonl",
      R"({"data": "code", "text": "```\ndef f(x): return 2 * x\n```", "prompt": "Double it.", )"
      R"("test_list": ["assert f(2) == 4"]})");
  const ProcessResult result = run({"judge", "--data", data});
  if (result.status != 0) {
    EXPECT_THAT(result.err, HasSubstr("sandbox"));
    GTEST_SKIP() << result.err;
  }
  EXPECT_EQ(json_lines(result.out).at(0)["correct"], true);
}

/// Without bubblewrap nothing is run.
TEST_F(JudgeProgram, RefusesToRunCodeWithoutASandbox) {
  const std::string data = write(
      "code.jsonl", R"({"data": "code", "text": "```\nopen('ran', 'w')\n```", "prompt": "Write.", )"
                    R"("test_list": ["assert True"]})");
  const ProcessResult result =
      run_process(CITER_PROGRAM, {"judge", "--data", data},
                  {.environment = {{"PATH", path("empty")}}, .folder = folder_.path()});
  EXPECT_EQ(result.status, kInputError);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("code answers are run in a sandbox"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "ran"));
}

TEST_F(JudgeProgram, NamesWhatIsWrong) {
  const auto refusal = [&](const std::string& line) {
    return run_badly({"judge", "--data", write("bad.jsonl", line)}, kInputError);
  };
  EXPECT_THAT(refusal(R"({"data": "math", "gold": "5"})"),
              HasSubstr("bad.jsonl:1: expected field \"text\""));
  EXPECT_THAT(refusal(R"({"data": "chess", "gold": "5", "text": ""})"),
              HasSubstr("expected \"math\", \"mc\" or \"code\" in \"data\", found \"chess\""));
  EXPECT_THAT(refusal(R"({"data": "mc", "gold": "C", "choices": ["x", "y"], "text": ""})"),
              HasSubstr("expected one of A, B in \"gold\", found \"C\""));
  EXPECT_THAT(refusal(R"({"data": "code", "text": ""})"), HasSubstr("\"test_list\""));
  EXPECT_THAT(refusal("{\"data\": "), HasSubstr("syntax error"));
  EXPECT_THAT(run_badly({"judge", "--data", path("none.jsonl")}, kInputError),
              HasSubstr("none.jsonl"));
}

}  // namespace
}  // namespace citer::test
