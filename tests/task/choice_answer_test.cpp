// What is taken as the answer of text as models write it, for multiple choice.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "task/answer.h"
#include "task/choice_mentions.h"

namespace citer {
namespace {

Example question(std::vector<Choice> choices, const std::string& gold) {
  Example example;
  example.kind = TaskKind::kChoice;
  example.choices = std::move(choices);
  example.gold = gold;
  return example;
}

/// Two of the texts are parts of others.
Example places(const std::string& gold = "B") {
  return question({{"A", "theater"},
                   {"B", "movie theater"},
                   {"C", "high school"},
                   {"D", "school"},
                   {"E", "have fun"}},
                  gold);
}

struct Case {
  const char* text;
  const char* label;  ///< "" for none
  AnswerRule rule;
};

class ChoiceAnswer : public testing::TestWithParam<Case> {};

TEST_P(ChoiceAnswer, IsExtracted) {
  const Case& c = GetParam();
  const Judgement result = judge(places(c.label), c.text);
  EXPECT_EQ(result.answer.value_or(""), c.label) << c.text;
  EXPECT_STREQ(rule_name(result.rule), rule_name(c.rule)) << c.text;
  EXPECT_EQ(result.correct, *c.label != '\0');
}

INSTANTIATE_TEST_SUITE_P(
    Boxed, ChoiceAnswer,
    testing::Values(Case{"\\boxed{B}", "B", AnswerRule::kBoxed},
                    Case{"\\boxed{\\text{(B)}}", "B", AnswerRule::kBoxed},
                    Case{"\\boxed{b}", "B", AnswerRule::kBoxed},
                    Case{"\\boxed{movie theater}", "B", AnswerRule::kBoxed},
                    Case{"\\boxed{\\textbf{D. school}}", "D", AnswerRule::kBoxed},
                    Case{"The answer is (C). \\boxed{42}", "C", AnswerRule::kAnnounced}));

INSTANTIATE_TEST_SUITE_P(
    AnnouncedByLabel, ChoiceAnswer,
    testing::Values(
        Case{"The answer is (B).", "B", AnswerRule::kAnnounced},
        Case{"The answer is B", "B", AnswerRule::kAnnounced},
        Case{"The answer is B.", "B", AnswerRule::kAnnounced},
        Case{"the answer is (b)", "B", AnswerRule::kAnnounced},
        Case{"The answer is **B**.", "B", AnswerRule::kAnnounced},
        Case{"Answer: B", "B", AnswerRule::kAnnounced},
        Case{"Answer:\n\n**(B) movie theater**", "B", AnswerRule::kAnnounced},
        Case{"**Answer:** B) movie theater", "B", AnswerRule::kAnnounced},
        Case{"The correct answer is option B, as films are shown there.", "B",
             AnswerRule::kAnnounced},
        Case{"The answer is A because plays are shown there.", "A", AnswerRule::kAnnounced},
        Case{"The answer is A.", "A", AnswerRule::kAnnounced},
        Case{"The answer is 'B'.", "B", AnswerRule::kAnnounced},
        Case{"The answer is b", "B", AnswerRule::kAnnounced},
        Case{"The answer is b.", "B", AnswerRule::kAnnounced},
        Case{"The answer is a school", "D", AnswerRule::kAnnounced},
        Case{"The answer is $\\text{B}$.", "B", AnswerRule::kAnnounced},
        Case{"The best choice would be [D].", "D", AnswerRule::kAnnounced},
        Case{"The answer to the question is (C).", "C", AnswerRule::kAnnounced},
        Case{"Option (D) is the correct answer.", "D", AnswerRule::kAnnounced},
        Case{"Since films are shown there, B is correct.", "B", AnswerRule::kAnnounced},
        Case{"(A) is close, but (B) is the best answer.", "B", AnswerRule::kAnnounced}));

INSTANTIATE_TEST_SUITE_P(
    AnnouncedByText, ChoiceAnswer,
    testing::Values(
        Case{"So the answer is movie theater.", "B", AnswerRule::kAnnounced},
        Case{"So the answer is theater.", "A", AnswerRule::kAnnounced},
        Case{"So the answer is high school.", "C", AnswerRule::kAnnounced},
        Case{"So the answer is a school.", "D", AnswerRule::kAnnounced},
        Case{"The answer is A movie theater.", "B", AnswerRule::kAnnounced},
        Case{"So the answer is \"Movie  Theater\".", "B", AnswerRule::kAnnounced},
        Case{"Therefore, the answer is movie theater (b).", "B", AnswerRule::kAnnounced},
        Case{"Therefore, the answer is fun (e).", "E", AnswerRule::kAnnounced},
        Case{"Therefore, the answer is a school of a high rank (c).", "C", AnswerRule::kAnnounced},
        Case{"The answer is school, as (A) has no pupils.", "D", AnswerRule::kAnnounced}));

INSTANTIATE_TEST_SUITE_P(
    LastAnnouncementWins, ChoiceAnswer,
    testing::Values(Case{"The answer is (A). Wait, that is wrong. The answer is (C).", "C",
                         AnswerRule::kAnnounced},
                    Case{"The answer must be something large. So the answer is school.", "D",
                         AnswerRule::kAnnounced},
                    Case{"The answer is (C). I repeat, the answer is", "C", AnswerRule::kAnnounced},
                    Case{"Answer: a school has no screen. So the answer is (B)", "B",
                         AnswerRule::kAnnounced},
                    Case{"The answer is (B).\n\nQuestion: Where?\nAnswer: The answer is (D).", "B",
                         AnswerRule::kAnnounced}));

INSTANTIATE_TEST_SUITE_P(
    Negations, ChoiceAnswer,
    testing::Values(
        Case{"The answer is not B but C.", "C", AnswerRule::kAnnounced},
        Case{"The answer is not (A) theater, it is (B).", "B", AnswerRule::kAnnounced},
        Case{"The answer is B, not C.", "B", AnswerRule::kAnnounced},
        Case{"The answer is school rather than high school.", "D", AnswerRule::kAnnounced},
        Case{"(A) is wrong. (B) is right.", "B", AnswerRule::kAnnounced},
        Case{"It is neither A nor B, so the answer is D.", "D", AnswerRule::kAnnounced},
        Case{"Therefore it isn't the school, it is the movie theater.", "B",
             AnswerRule::kConcluded},
        Case{"(B), since (A) is wrong and it cannot be (C).", "B", AnswerRule::kLeading},
        Case{"The answer is not B.", "", AnswerRule::kNone}));

INSTANTIATE_TEST_SUITE_P(
    Hedges, ChoiceAnswer,
    testing::Values(Case{"The answer is A or B.", "", AnswerRule::kNone},
                    Case{"The answer is either (A) or (B)", "", AnswerRule::kNone},
                    Case{"The answer is school or high school.", "", AnswerRule::kNone},
                    Case{"The answer is either school (d)", "D", AnswerRule::kAnnounced},
                    Case{"It is A or B. The answer is B.", "B", AnswerRule::kAnnounced}));

INSTANTIATE_TEST_SUITE_P(
    Concluded, ChoiceAnswer,
    testing::Values(Case{"Films need a screen. Therefore, people go to the movie theater.", "B",
                         AnswerRule::kConcluded},
                    Case{"Therefore, John is going to school (d).", "D", AnswerRule::kConcluded},
                    Case{"Films need a screen. So B.", "B", AnswerRule::kConcluded},
                    Case{"Thus (C). A school is no cinema.", "C", AnswerRule::kConcluded}));

INSTANTIATE_TEST_SUITE_P(
    Leading, ChoiceAnswer,
    testing::Values(
        Case{"B", "B", AnswerRule::kLeading}, Case{" B.", "B", AnswerRule::kLeading},
        Case{" (B)", "B", AnswerRule::kLeading},
        Case{"B) movie theater", "B", AnswerRule::kLeading},
        Case{"B. movie theater\nFilms are shown there, not in a (D).", "B", AnswerRule::kLeading},
        Case{"movie theater", "B", AnswerRule::kLeading},
        Case{"**Movie theater.**", "B", AnswerRule::kLeading}, Case{"A", "A", AnswerRule::kLeading},
        Case{"(B) because (A) shows plays and (D) teaches.", "B", AnswerRule::kLeading}));

INSTANTIATE_TEST_SUITE_P(
    LastMentioned, ChoiceAnswer,
    testing::Values(Case{"One goes to a school, or one goes to the movie theater (b) at night", "B",
                         AnswerRule::kLastMention},
                    Case{"One possibility is the high school.", "C", AnswerRule::kLastMention},
                    Case{"A. theater: plays\nB. movie theater: films", "B",
                         AnswerRule::kLastMention},
                    Case{"A big screen is found in a theater-like movie theater", "B",
                         AnswerRule::kLastMention}));

INSTANTIATE_TEST_SUITE_P(None, ChoiceAnswer,
                         testing::Values(Case{"", "", AnswerRule::kNone},
                                         Case{"A frog sings.", "", AnswerRule::kNone},
                                         Case{"The answer is", "", AnswerRule::kNone},
                                         Case{"The answer is a cinema.", "", AnswerRule::kNone},
                                         Case{"The answer is F.", "", AnswerRule::kNone},
                                         Case{"Preschoolers rescheduled.", "", AnswerRule::kNone}));

TEST(ChoiceAnswer, NumbersAsTexts) {
  const auto example = question({{"A", "5"}, {"B", "15"}, {"C", "1.5"}, {"D", "-5"}}, "A");
  EXPECT_EQ(judge(example, "The answer is 15.").answer, "B");
  EXPECT_EQ(judge(example, "The answer is 1.5.").answer, "C");
  EXPECT_EQ(judge(example, "The answer is 5.").answer, "A");
  EXPECT_EQ(judge(example, "The answer is -5.").answer, "D");
  EXPECT_EQ(judge(example, "The answer is 5,000.").answer, std::nullopt);
}

TEST(ChoiceAnswer, NumbersAsLabels) {
  const auto example = question({{"1", "rain"}, {"2", "snow"}, {"3", "hail"}, {"4", "1"}}, "2");
  EXPECT_TRUE(judge(example, "The answer is (2).").correct);
  EXPECT_TRUE(judge(example, "The answer is 2.").correct);
  EXPECT_TRUE(judge(example, "2").correct);
  EXPECT_TRUE(judge(example, "Answer: snow").correct);
  EXPECT_EQ(judge(example, "The answer is 1.").answer, "4") << "a bare number is a text first";
  EXPECT_EQ(judge(example, "The answer is (1).").answer, "1");
}

TEST(ChoiceAnswer, ChoicesThatReadTheSameAreOne) {
  const auto example = question({{"A", "low"}, {"B", "slowly"}, {"C", "Slowly"}}, "C");
  EXPECT_TRUE(judge(example, "The answer is slowly.").correct);
  EXPECT_TRUE(judge(example, "The answer is (B).").correct);
  EXPECT_FALSE(judge(example, "The answer is low.").correct);
}

TEST(ChoiceAnswer, TextsWithPunctuation) {
  const auto example = question({{"A", "to cook food."},
                                 {"B", "washington d.c"},
                                 {"C", "the refrigerator :  the kitchen"},
                                 {"D", "grandmother's house"},
                                 {"E", "It rains. It snows."}},
                                "A");
  EXPECT_EQ(judge(example, "So the answer is to cook food.").answer, "A");
  EXPECT_EQ(judge(example, "So the answer is Washington D.C.").answer, "B");
  EXPECT_EQ(judge(example, "So the answer is the refrigerator : the kitchen.").answer, "C");
  EXPECT_EQ(judge(example, "So the answer is grandmother’s house.").answer, "D");
  EXPECT_EQ(judge(example, "So the answer is: It rains. It snows.").answer, "E");
}

TEST(ChoiceAnswer, MarkedOnlyLeavesMentionsAlone) {
  AnswerOptions options;
  options.marked_only = true;
  const AnswerJudge strict(options);
  EXPECT_FALSE(strict.judge(places(), "One possibility is the high school.").answer);
  EXPECT_TRUE(strict.judge(places(), "So the answer is (B)").correct);
}

TEST(ChoiceAnswer, UserPattern) {
  AnswerOptions options;
  options.pattern = R"(FINAL: (.*))";
  const AnswerJudge judge_by(options);
  EXPECT_EQ(judge_by.judge(places(), "FINAL: (a)\nFINAL: b").answer, "B");
  EXPECT_EQ(judge_by.judge(places(), "FINAL: the high school").answer, "C");
  EXPECT_EQ(judge_by.judge(places(), "FINAL: none of them").answer, std::nullopt);
  EXPECT_EQ(judge_by.judge(places(), "The answer is (B).").answer, std::nullopt);
}

TEST(ChoiceAnswer, EveryPrefixIsJudged) {
  const std::string text = "Answer: (A) isn’t it; \\boxed{\\text{B}} Therefore, movie theater (b).";
  for (std::size_t n = 0; n <= text.size(); ++n) judge(places(), text.substr(0, n));
}

TEST(ChoiceAnswer, DegenerateTextIsJudgedQuickly) {
  for (const std::string part : {"(A) ", "the answer is ", "school, ", "not ", "So. ", "A or B "}) {
    std::string text;
    while (text.size() < 200000) text += part;
    const auto start = std::chrono::steady_clock::now();
    judge(places(), text);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5)) << part;
  }
}

TEST(Mentions, DoNotOverlapAndStandInOrder) {
  const auto choices = places().choices;
  const auto found =
      find_mentions(choices, "movie theater (b), theater, high school and B. school");
  ASSERT_EQ(found.size(), 5U);
  for (std::size_t i = 1; i < found.size(); ++i) EXPECT_LE(found[i - 1].end, found[i].begin);
  EXPECT_EQ(found[0].choice, 1U);
  EXPECT_EQ(found[0].kind, Mention::Kind::kParenthesised) << "text and label beside it are one";
  EXPECT_EQ(found[3].kind, Mention::Kind::kMarked);
}

}  // namespace
}  // namespace citer
