// Code answers: which program a text gives, and whether it passes its tests.
#include "task/code_answer.h"

#include <gtest/gtest.h>

#include <string>

#include "task/answer.h"
#include "task/needs_sandbox.h"

namespace citer {
namespace {

/// As HumanEval asks.
Example add_one() {
  Example example;
  example.kind = TaskKind::kCode;
  example.question =
      "from typing import List\n\n\ndef add_one(x: List[int]) -> List[int]:\n"
      "    \"\"\" Adds one to each. \"\"\"\n";
  example.entry_point = "add_one";
  example.gold =
      "def check(candidate):\n    assert candidate([1, 2]) == [2, 3]\n    assert candidate([]) == "
      "[]\n\ncheck(add_one)\n";
  return example;
}

/// As MBPP asks.
Example square() {
  Example example;
  example.kind = TaskKind::kCode;
  example.question = "Write a function to square a number.";
  example.gold = "assert square(3) == 9\nassert square(-2) == 4\n";
  return example;
}

std::string program_of(const Example& example, const std::string& text) {
  const auto found = extract_code(example, text, false);
  return found ? found->answer : "";
}

TEST(CodeAnswer, ContinuesTheQuestion) {
  const Example example = add_one();
  EXPECT_EQ(program_of(example, "    return [n + 1 for n in x]\n\n\nprint(add_one([1]))\n"),
            example.question + "    return [n + 1 for n in x]\n\n\n");
}

TEST(CodeAnswer, TakesTheBlockThatDefinesTheFunction) {
  const std::string text =
      "Sure:\n```python\ndef add_one(x: List[int]):\n    return x\n```\nBetter:\n```python\n"
      "def add_one(x: List[int]):\n    return [n + 1 for n in x]\n```\nUse it "
      "so:\n```\nadd_one([1])\n"
      "```\n";
  EXPECT_EQ(program_of(add_one(), text),
            "from typing import List\n\n\ndef add_one(x: List[int]):\n    return [n + 1 for n in "
            "x]\n");
}

TEST(CodeAnswer, TakesABlockThatIsCutOff) {
  EXPECT_EQ(program_of(square(), "```python\ndef square(x):\n    return x * x"),
            "def square(x):\n    return x * x");
}

TEST(CodeAnswer, FindsAProgramAmidProse) {
  EXPECT_EQ(
      program_of(square(),
                 "Here it is.\nimport math\n\ndef square(x):\n    return x * x\n\nThis works."),
      "import math\n\ndef square(x):\n    return x * x\n\n");
}

TEST(CodeAnswer, AnyTextIsRead) {
  for (const std::string text : {"", "```", "```python", "```\n```", "\n", "def", "def add_one",
                                 "    ", "```\n```\n```\n", "import \n\xff"}) {
    program_of(add_one(), text);
    program_of(square(), text);
  }
}

class CodeJudge : public test::NeedsSandbox {};

TEST_F(CodeJudge, RunsTheTests) {
  const Judgement right = judge(add_one(), "    return [n + 1 for n in x]\n");
  EXPECT_TRUE(right.correct);
  EXPECT_STREQ(rule_name(right.rule), "continuation");
  EXPECT_STREQ(comparison_name(right.comparison), "tests");
  EXPECT_FALSE(judge(add_one(), "    return x\n").correct);
  EXPECT_FALSE(judge(add_one(), "    return [n +").correct);
  EXPECT_TRUE(judge(square(), "```python\ndef square(x):\n    return x * x\n```").correct);
  EXPECT_FALSE(judge(square(), "```python\ndef square(x):\n    return x + x\n```").correct);
  EXPECT_FALSE(judge(square(), "I cannot.").correct);
}

TEST_F(CodeJudge, AProgramThatEndsBeforeItsTestsFails) {
  EXPECT_FALSE(judge(square(), "```\nimport sys\nsys.exit(0)\n```").correct);
  EXPECT_FALSE(judge(square(), "```\nprint('passed')\nimport os\nos._exit(0)\n```").correct);
}

TEST_F(CodeJudge, AProgramThatDoesNotEndFails) {
  AnswerOptions options;
  options.code_seconds = 0.5;
  EXPECT_FALSE(AnswerJudge(options).judge(square(), "```\nwhile True: pass\n```").correct);
}

}  // namespace
}  // namespace citer
