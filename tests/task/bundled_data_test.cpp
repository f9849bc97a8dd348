// The data in models/demo/data: every reference must be judged right by a rule for marked answers.
#include <gtest/gtest.h>

#include <filesystem>

#include "task/answer.h"
#include "task/dataset.h"

namespace citer {
namespace {

namespace fs = std::filesystem;

TEST(BundledData, EveryReferenceIsRight) {
  const fs::path folder = fs::path(CITER_SOURCE_DIR) / "models/demo/data";
  for (const char* name : {"math.train.jsonl", "math.valid.jsonl", "math.test.jsonl",
                           "mc.train.jsonl", "mc.valid.jsonl", "mc.test.jsonl"}) {
    for (const Example& example : load_dataset(folder / name).examples) {
      EXPECT_TRUE(
          example.prompt.ends_with(example.kind == TaskKind::kMath ? "Solution:" : "Answer:"));
      EXPECT_TRUE(example.reference.starts_with(" "));
      const Judgement result = judge(example, example.reference);
      EXPECT_TRUE(result.correct) << example.id << ": " << example.reference;
      EXPECT_EQ(result.rule,
                example.kind == TaskKind::kMath ? AnswerRule::kBoxed : AnswerRule::kAnnounced);
    }
  }
}

}  // namespace
}  // namespace citer
