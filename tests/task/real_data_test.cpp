// Real GSM8K and CommonsenseQA text; CITER_TEST_DATA names the folder that holds it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "task/answer.h"
#include "task/dataset.h"

namespace citer {
namespace {

namespace fs = std::filesystem;

class RealData : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("CITER_TEST_DATA");
    if (folder == nullptr) GTEST_SKIP() << "CITER_TEST_DATA is not set";
    folder_ = folder;
  }

  Dataset load(const char* name, const DatasetOptions& options = {}) const {
    return load_dataset(folder_ / name, options);
  }

  fs::path folder_;
};

/// Every reference must yield the gold answer by one of the rules for marked answers.
void expect_references_right(const Dataset& data, bool marked_only) {
  const AnswerJudge judge({.pattern = "", .marked_only = marked_only});
  for (const Example& example : data.examples) {
    const Judgement result = judge.judge(example, example.reference);
    EXPECT_TRUE(result.correct) << example.id << ": expected " << example.gold << ", found "
                                << result.answer.value_or("nothing") << " by "
                                << rule_name(result.rule) << " in:" << example.reference;
  }
}

TEST_F(RealData, Gsm8kBoxed) {
  const Dataset data = load("gsm8k_boxed_400.jsonl");
  ASSERT_EQ(data.examples.size(), 400U);
  expect_references_right(data, true);
  for (const Example& example : data.examples) {
    EXPECT_EQ(example.kind, TaskKind::kMath);
    EXPECT_NE(example.prompt.find(example.question), std::string::npos);
    EXPECT_TRUE(example.prompt.ends_with("Solution:"));
    EXPECT_TRUE(example.reference.starts_with(" "));
  }
}

TEST_F(RealData, CommonsenseQa) {
  const Dataset data = load("commonsenseqa_400.jsonl");
  ASSERT_EQ(data.examples.size(), 400U);
  for (const Example& example : data.examples) {
    EXPECT_EQ(example.kind, TaskKind::kChoice);
    ASSERT_EQ(example.choices.size(), 5U);
    for (const Choice& choice : example.choices) {
      EXPECT_NE(example.prompt.find("(" + choice.label + ") " + choice.text), std::string::npos);
      // Each choice is recognised by label, by text, and by both.
      for (const std::string& answer :
           {"The answer is (" + choice.label + ").", "So the answer is " + choice.text + ".",
            choice.label, "Answer: " + choice.label + ". " + choice.text}) {
        const Judgement result = judge(example, answer);
        ASSERT_TRUE(result.answer) << example.id << ": " << answer;
        EXPECT_EQ(result.correct, choice.label == example.gold) << example.id << ": " << answer;
      }
    }
  }
}

TEST_F(RealData, CommonsenseQaWithReasoning) {
  const Dataset data = load("commonsenseqa_cot_200.jsonl");
  ASSERT_EQ(data.examples.size(), 200U);
  expect_references_right(data, false);
}

TEST_F(RealData, ReasoningServesAsShots) {
  DatasetOptions options;
  options.shots = 3;
  options.shots_path = folder_ / "commonsenseqa_cot_200.jsonl";
  const Dataset data = load("commonsenseqa_400.jsonl", options);
  EXPECT_NE(data.examples.front().prompt.find("the answer is sharing information (c)."),
            std::string::npos);
  EXPECT_TRUE(data.examples.front().prompt.ends_with("Answer:"));
}

}  // namespace
}  // namespace citer
