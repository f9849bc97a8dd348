// Kinds of answers that were once judged wrong, one test each, named after the kind.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "task/answer.h"
#include "task/latex.h"

namespace citer {
namespace {

struct Case {
  const char* kind;
  const char* gold;
  const char* text;
  bool right;
};

std::string name_of(const testing::TestParamInfo<Case>& info) { return info.param.kind; }

class MathKind : public testing::TestWithParam<Case> {};

TEST_P(MathKind, IsJudgedRight) {
  const auto& [kind, gold, text, right] = GetParam();
  Example example;
  example.gold = normalize_math(gold);
  const Judgement result = judge(example, text);
  EXPECT_EQ(result.correct, right)
      << "found " << result.answer.value_or("nothing") << " by " << rule_name(result.rule)
      << ", compared by " << comparison_name(result.comparison);
}

INSTANTIATE_TEST_SUITE_P(
    Numbers, MathKind,
    testing::Values(Case{"CloseIntegers", "2^{31}-1", "\\boxed{2^{31}}", false},
                    Case{"CloseIntegersWritten", "2^{31}-1", "\\boxed{2147483647}", true},
                    Case{"ClosePowers", "10^{-11}", "\\boxed{10^{-10}}", false},
                    Case{"ThinSpaces", "11,\\!111,\\!111,\\!100", "\\boxed{11111111100}", true},
                    Case{"Scientific", "5000", "\\boxed{5 \\times 10^3}", true},
                    Case{"ScientificInProse", "5000", "The answer is 5 × 10^3 meters.", true},
                    Case{"Exponent", "1500", "\\boxed{1.5e3}", true},
                    Case{"Power", "1024", "\\boxed{2^{10}}", true},
                    Case{"PowerInProse", "1024", "So there are 2^10 of them.", true},
                    Case{"Factorial", "120", "\\boxed{5!}", true},
                    Case{"Repeating", "\\frac{1}{3}", "\\boxed{0.\\overline{3}}", true},
                    Case{"RepeatingLater", "\\frac{1}{6}", "\\boxed{0.1\\overline{6}}", true},
                    Case{"NotRepeating", "\\frac{1}{3}", "\\boxed{0.3}", false},
                    Case{"NumberWord", "3", "\\boxed{\\text{three}}", true}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Parts, MathKind,
    testing::Values(
        Case{"AndList", "19, 46, \\text{ and } 82", "\\boxed{82, 46, 19}", true},
        Case{"OrList", "\\frac{4}{3} \\text{ or } -2", "\\boxed{-2, 4/3}", true},
        Case{"OrListInProse", "3, -3", "The answer is 3 or -3.", true},
        Case{"PlusMinus", "3, -3", "\\boxed{\\pm 3}", true},
        Case{"PlusMinusTerm", "1+\\sqrt2, 1-\\sqrt2", "\\boxed{1 \\pm \\sqrt{2}}", true},
        Case{"TwoBoxes", "1, -2", "x = \\boxed{1} and x = \\boxed{-2}", true},
        Case{"TwoBoxesQuads", "(2,2), (6,2)",
             "$$\\boxed{(2, 2)} \\quad \\text{and} \\quad \\boxed{(6, 2)}$$", true},
        Case{"TwoBoxesSideBySide", "1, 2", "\\boxed{1}\\boxed{2}", true},
        Case{"TwoBoxesApart", "-2", "First \\boxed{1}. Checking again, \\boxed{-2}.", true},
        Case{"CutOffBox", "7", "First \\boxed{3}. Then we find \\boxed{7", false},
        Case{"MatrixEntries", "\\begin{pmatrix} 1/5 & 0 \\\\ 2 & 3 \\end{pmatrix}",
             "\\boxed{\\begin{pmatrix} \\frac{1}{5} & 0 \\\\[4pt] 2 & 3 \\end{pmatrix}}", true},
        Case{"MatrixBrackets", "\\begin{bmatrix} 1 \\\\ 2 \\end{bmatrix}",
             "\\boxed{\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}}", true},
        Case{"MatrixTransposed", "\\begin{bmatrix} 1 \\\\ 2 \\end{bmatrix}",
             "\\boxed{\\begin{pmatrix} 1 & 2 \\end{pmatrix}}", false},
        Case{"Interval", "[2,5)", "\\boxed{2 \\le x < 5}", true},
        Case{"IntervalOpen", "[2,5)", "\\boxed{2 < x < 5}", false},
        Case{"IntervalEndless", "(3, \\infty)", "\\boxed{x > 3}", true},
        Case{"IntervalUnion", "(-\\infty,2)\\cup(5,\\infty)", "\\boxed{x < 2 \\text{ or } 5 < x}",
             true},
        Case{"Assignments", "(3,4)", "\\boxed{x=3, y=4}", true},
        Case{"AssignmentsSwapped", "(3,4)", "\\boxed{x=4, y=3}", false}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Formulas, MathKind,
    testing::Values(Case{"ComplexOrder", "3+4i", "\\boxed{4i+3}", true},
                    Case{"ComplexProduct", "5", "\\boxed{(2+i)(2-i)}", true},
                    Case{"SumOrder", "x^2+2x+1", "\\boxed{1+2x+x^2}", true},
                    Case{"Factor", "2k+2", "\\boxed{2(k+1)}", true},
                    Case{"FactorWrong", "2k+2", "\\boxed{2(k+2)}", false},
                    Case{"EquationScaled", "2x-4y=6", "\\boxed{2y + 3 = x}", true},
                    Case{"EquationSolved", "2x-4y=6", "\\boxed{x = 2y+3}", true},
                    Case{"EquationNotItsValue", "7 = 11a+c", "\\boxed{11a+c}", false},
                    Case{"Approximated", "\\frac13", "\\boxed{x = \\frac13 \\approx 0.33}", true},
                    Case{"ApproximateValue", "11", "\\boxed{x \\approx 11}", true},
                    Case{"Ratio", "7:32", "\\boxed{S:T = 14:64}", true},
                    Case{"Unequal", "x \\neq 3", "\\boxed{x != 3}", true},
                    Case{"EquationValue", "5", "\\boxed{AB = 5}", true},
                    Case{"LabelledBox", "12", "\\boxed{\\textbf{(C)}\\ 12}", true}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Prose, MathKind,
    testing::Values(
        Case{"TextAfterAnswer", "7",
             "Each box weighs 24 kg. The answer is 7 days because 7 * 24 = 168 hours.", true},
        Case{"AsideAfterAnswer", "42", "So the answer is 42 (which is 40 + 2).", true},
        Case{"CalculationAside", "42", "The answer is 42 apples (6 * 7 = 42 in all).", true},
        Case{"OutOf", "42", "The answer is 42 apples out of 100.", true},
        Case{"SumNotWorkedOut", "18", "The answer is 10 + 8, which is 18.", true},
        Case{"Tag", "42", "It takes 6 * 7 hours. <answer>42</answer> of 100", true},
        Case{"Json", "42", "{\"steps\": 3, \"answer\": 42, \"unit\": \"h\"}", true},
        Case{"LastFormula", "\\begin{pmatrix}1&0\\\\0&1\\end{pmatrix}",
             "It is $\\begin{pmatrix} 1 & 0 \\\\ 0 & 1 \\end{pmatrix}$.", true},
        Case{"LastFormulaThenANumber", "5", "Since $x = 3$ it is 5", true},
        Case{"MoneyIsNoFormula", "2", "It costs $18 a day, or $2", true},
        Case{"Question", "18", "Is the answer 17? No. It takes 18", true},
        Case{"FinalLine", "18", "It costs 5.\n\nFinal Answer\n18", true}),
    name_of);

class ChoiceKind : public testing::TestWithParam<Case> {};

TEST_P(ChoiceKind, IsJudgedRight) {
  const auto& [kind, gold, text, right] = GetParam();
  Example example;
  example.kind = TaskKind::kChoice;
  example.choices = {{"A", "moss"}, {"B", "reeds"}, {"C", "a frog"}, {"D", "river bank"}};
  example.gold = gold;
  const Judgement result = judge(example, text);
  EXPECT_EQ(result.correct, right)
      << "found " << result.answer.value_or("nothing") << " by " << rule_name(result.rule);
}

INSTANTIATE_TEST_SUITE_P(
    Labels, ChoiceKind,
    testing::Values(
        Case{"LowerCase", "D", "d", true}, Case{"LowerCaseDot", "B", "b.", true},
        Case{"Option", "B", "Option B", true}, Case{"FinalLine", "C", "Final Answer\nC", true},
        Case{"Pick", "B", "I would pick B - the reeds.", true},
        Case{"Because", "B", "It's B because reeds grow there.", true},
        Case{"Tag", "B", "<answer>B</answer>", true},
        Case{"TagLowerCase", "B", "Not (A). <answer> b </answer> (C) is none.", true},
        Case{"Json", "B", "{\"answer\": \"B\"}", true},
        Case{"QuestionThen", "B", "Is the answer A? No. B fits.", true},
        Case{"LetterWithAVerb", "A", "Is the answer B? No. A fits.", true},
        Case{"ShouldBe", "B", "The answer should be (B). (A) is a plant.", true},
        Case{"OthersNamed", "A",
             "It must be option (A); options (B), (C) and (D) do not grow on stones.", true},
        Case{"OtherLanguage", "C", "Antwort: C", true},
        Case{"OtherScript", "C", "正しい答えは C です", true},
        Case{"WhatFollowsSaysNothing", "C", "The answer is (C). It is where moss grows.", true}),
    name_of);

}  // namespace
}  // namespace citer
