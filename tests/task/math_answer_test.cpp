// What is taken as the answer of text as models write it, for numbers and formulas.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/rng.h"
#include "citer/error.h"
#include "task/answer.h"
#include "task/latex.h"

namespace citer {
namespace {

Example problem(const std::string& gold) {
  Example example;
  example.gold = normalize_math(gold);
  return example;
}

struct Case {
  const char* text;
  const char* answer;  ///< "" for none
  AnswerRule rule;
};

class MathAnswer : public testing::TestWithParam<Case> {};

TEST_P(MathAnswer, IsExtracted) {
  const Case& c = GetParam();
  const Judgement result = judge(problem(c.answer), c.text);
  EXPECT_EQ(result.answer.value_or(""), c.answer) << c.text;
  EXPECT_STREQ(rule_name(result.rule), rule_name(c.rule)) << c.text;
  EXPECT_EQ(result.correct, *c.answer != '\0');
}

INSTANTIATE_TEST_SUITE_P(
    Boxed, MathAnswer,
    testing::Values(
        Case{" She sells 9 eggs. 9 * 2 = 18. The answer is \\boxed{18}.", "18", AnswerRule::kBoxed},
        Case{"First \\boxed{4}. Checking again, it must be \\boxed{5}.", "5", AnswerRule::kBoxed},
        Case{"$$\\boxed{\\dfrac{3}{4}}$$", "\\frac{3}{4}", AnswerRule::kBoxed},
        Case{"\\boxed{\\$1,234.50}", "1234.50", AnswerRule::kBoxed},
        Case{"\\boxed{9 \\times 2 = 18}", "18", AnswerRule::kBoxed},
        Case{"\\boxed{x = -3}", "-3", AnswerRule::kBoxed},
        Case{"\\boxed{5}, or written out, \\boxed{\\frac{10", "5", AnswerRule::kBoxed},
        Case{"The answer is 7. \\boxed{8}", "8", AnswerRule::kBoxed},
        Case{"\\boxed{\\text{Evelyn}}", "Evelyn", AnswerRule::kBoxed}));

INSTANTIATE_TEST_SUITE_P(
    Hashes, MathAnswer,
    testing::Values(Case{"16 - 3 = <<16-3=13>>13\n#### 13", "13", AnswerRule::kHashes},
                    Case{"It costs $2,125.\n#### 2,125", "2125", AnswerRule::kHashes},
                    Case{"#### Step 1: add\n2 + 3 = 5\n#### 5 apples", "5", AnswerRule::kHashes},
                    Case{"#### **18**", "18", AnswerRule::kHashes},
                    Case{"#### -3", "-3", AnswerRule::kHashes}));

INSTANTIATE_TEST_SUITE_P(
    Announced, MathAnswer,
    testing::Values(
        Case{"2 + 2 = 4. The answer is 4.", "4", AnswerRule::kAnnounced},
        Case{"The answer is 1,234.50 dollars. That is a lot.", "1234.50", AnswerRule::kAnnounced},
        Case{"The final answer is: $\\frac{3}{4}$.", "\\frac{3}{4}", AnswerRule::kAnnounced},
        Case{"The answer is \\(2x+3\\).", "2x+3", AnswerRule::kAnnounced},
        Case{"The answer is 2x + 3.", "2x+3", AnswerRule::kAnnounced},
        Case{"**Answer:** 18", "18", AnswerRule::kAnnounced},
        Case{"**Answer**: **18**", "18", AnswerRule::kAnnounced},
        Case{"Answer: $18 per day", "18", AnswerRule::kAnnounced},
        Case{"The answer to the question is 3/4.", "\\frac{3}{4}", AnswerRule::kAnnounced},
        Case{"The answer is -3", "-3", AnswerRule::kAnnounced},
        Case{"The answer is −3.", "-3", AnswerRule::kAnnounced},
        Case{"The answer is 5%.", "5", AnswerRule::kAnnounced},
        Case{"So the answer is 5 * 3 = 15 apples.", "15", AnswerRule::kAnnounced},
        Case{"The answer is 5 * 3 = 15.", "15", AnswerRule::kAnnounced},
        Case{"The answer is approximately 3.14.", "3.14", AnswerRule::kAnnounced},
        Case{"The answer is 4. No, wait: the answer is 6.", "6", AnswerRule::kAnnounced},
        Case{"The answer is:\n\n$$x = 7$$", "7", AnswerRule::kAnnounced},
        Case{"The answer is **18 dollars**.", "18", AnswerRule::kAnnounced},
        Case{"The answer is 2**3.", "2^3", AnswerRule::kAnnounced},
        Case{"Final Answer: The final answer is 18. I hope it is correct.", "18",
             AnswerRule::kAnnounced},
        Case{"The answer is Evelyn.", "Evelyn", AnswerRule::kAnnounced},
        Case{"The answer is 12 because 3 boxes hold 4 each.", "12", AnswerRule::kAnnounced},
        Case{"The answer is 18. To check it, the answer is", "18", AnswerRule::kAnnounced},
        Case{"The answer is 4.\n\nQuestion: What is 2 + 9?\nSolution: The answer is 11.", "4",
             AnswerRule::kAnnounced}));

INSTANTIATE_TEST_SUITE_P(
    Concluded, MathAnswer,
    testing::Values(
        Case{"She has 9 eggs. Therefore, Janet makes 9 * 2 = $18 every day. Eggs cost $2.", "18",
             AnswerRule::kConcluded},
        Case{"So there are 16 left. So he sold 3. Nice.", "3", AnswerRule::kConcluded},
        Case{"Thus the total is 1,250 meters.\nSo it was a long run.", "1250",
             AnswerRule::kConcluded}));

INSTANTIATE_TEST_SUITE_P(
    LastNumber, MathAnswer,
    testing::Values(Case{"He runs 3 * 60 = 180 meters each day", "180", AnswerRule::kLastMention},
                    Case{"The answer is not 17, it is 18.", "18", AnswerRule::kLastMention},
                    Case{"16-3", "3", AnswerRule::kLastMention},
                    Case{"It is -3", "-3", AnswerRule::kLastMention},
                    Case{"It fell by $-4.25.", "-4.25", AnswerRule::kLastMention},
                    Case{"It takes 2 1/2 hours", "2\\frac{1}{2}", AnswerRule::kLastMention},
                    Case{"They eat \\frac{3}{8} of it", "\\frac{3}{8}", AnswerRule::kLastMention},
                    Case{"It costs 12.", "12", AnswerRule::kLastMention},
                    Case{"He gets 4 on the 2nd day", "4", AnswerRule::kLastMention},
                    Case{"We need 3 of H2O", "3", AnswerRule::kLastMention},
                    Case{"She has 16 - 3 = 13 eggs left. She sells 13 *", "13",
                         AnswerRule::kLastMention}));

INSTANTIATE_TEST_SUITE_P(None, MathAnswer,
                         testing::Values(Case{"", "", AnswerRule::kNone},
                                         Case{"I do not know.", "", AnswerRule::kNone},
                                         Case{"The answer is", "", AnswerRule::kNone},
                                         Case{"-", "", AnswerRule::kNone}));

TEST(MathAnswer, IsJudgedByValue) {
  EXPECT_TRUE(judge(problem("3/4"), "The answer is 0.75.").correct);
  EXPECT_TRUE(judge(problem("1234.5"), "#### 1,234.50").correct);
  EXPECT_FALSE(judge(problem("18"), "The answer is 17.").correct);
  EXPECT_FALSE(judge(problem("18"), "The answer is -18.").correct);
  EXPECT_FALSE(judge(problem("18"), "").correct);
  EXPECT_FALSE(judge(problem("5"), "\\boxed{0.05}").correct);
}

TEST(MathAnswer, MarkedOnlyLeavesTheLastNumberAlone) {
  AnswerOptions options;
  options.marked_only = true;
  const AnswerJudge strict(options);
  EXPECT_EQ(strict.judge(problem("13"), "She has 13 eggs. She sells 13 *").answer, std::nullopt);
  EXPECT_TRUE(strict.judge(problem("13"), "The answer is 13").correct);
}

TEST(MathAnswer, UserPatternReplacesTheRules) {
  AnswerOptions options;
  options.pattern = R"(RESULT<([^>]*)>)";
  const AnswerJudge judge_by(options);
  const Judgement result = judge_by.judge(problem("3/4"), "\\boxed{9} RESULT<1> RESULT<0.75>");
  EXPECT_EQ(result.answer, "0.75");
  EXPECT_EQ(result.rule, AnswerRule::kPattern);
  EXPECT_TRUE(result.correct);
  EXPECT_EQ(judge_by.judge(problem("9"), "\\boxed{9}").answer, std::nullopt) << "no way back";
}

TEST(MathAnswer, PatternThatMatchesNothingEnds) {
  AnswerOptions options;
  options.pattern = "(x*)";
  EXPECT_FALSE(AnswerJudge(options).judge(problem("1"), "abc").answer);
}

TEST(MathAnswer, BadPatternIsRefused) {
  AnswerOptions options;
  options.pattern = "(";
  EXPECT_THROW(AnswerJudge{options}, UsageError);
  options.pattern = "no group";
  EXPECT_THROW(AnswerJudge{options}, UsageError);
}

TEST(MathAnswer, EveryPrefixOfASolutionIsJudged) {
  const std::string text =
      "Answer: so $\\frac{3}{4}$ of (1,234) − \\text{x = 5 **Therefore**, #### 5 \\boxed{\\{1/0}";
  for (std::size_t n = 0; n <= text.size(); ++n) judge(problem("1"), text.substr(0, n));
}

/// Texts of a model's own making, and of no model's: any bytes are judged.
TEST(MathAnswer, AnyBytesAreJudged) {
  static const std::vector<std::string> kPieces = {"\\frac{",
                                                   "}",
                                                   "{",
                                                   "\\sqrt",
                                                   "^",
                                                   "_",
                                                   "(",
                                                   ")",
                                                   "[",
                                                   "]",
                                                   "\\pm",
                                                   "\\cup",
                                                   "\\begin{pmatrix}",
                                                   "\\end{pmatrix}",
                                                   "&",
                                                   "\\\\",
                                                   "!",
                                                   "|",
                                                   "=",
                                                   "<",
                                                   ",",
                                                   "1",
                                                   "9",
                                                   "e",
                                                   "x",
                                                   "\\log",
                                                   "\\overline{",
                                                   ".",
                                                   " ",
                                                   "-",
                                                   "/",
                                                   "\\binom",
                                                   "\\boxed{",
                                                   "the answer is ",
                                                   "\xff",
                                                   "\xe2\x80",
                                                   "±",
                                                   "²",
                                                   "three"};
  Rng rng(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text = round % 2 == 0 ? "\\boxed{" : "";
    for (auto n = rng.uniform(0, 40); n > 0; --n) {
      const auto byte = static_cast<char>(rng.uniform(0, 255));
      text += rng.unit() < 0.1 ? std::string(1, byte)
                               : kPieces[static_cast<std::size_t>(rng.uniform(
                                     0, static_cast<std::int64_t>(kPieces.size()) - 1))];
    }
    if (round % 2 == 0) text += '}';
    const Judgement result = judge(problem("\\frac{x}{3}"), text);
    EXPECT_EQ(result.rule == AnswerRule::kNone, !result.answer) << text;
    EXPECT_TRUE(is_same(compare_math(normalize_math(text), normalize_math(text)))) << text;
  }
}

/// A model that repeats itself to the end of its budget must not stall an evaluation.
TEST(MathAnswer, DegenerateTextIsJudgedQuickly) {
  for (const std::string part : {"\\boxed{", "the answer is ", "so: so ", "\\frac{", "(", "#### ",
                                 "1,234,", "**", "$", "Therefore 5 = "}) {
    std::string text;
    while (text.size() < 200000) text += part;
    const auto start = std::chrono::steady_clock::now();
    judge(problem("5"), text);
    judge(problem("5"), "\\boxed{" + text + "}");
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5)) << part;
  }
}

}  // namespace
}  // namespace citer
