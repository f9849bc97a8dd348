#include "task/latex.h"

#include <gtest/gtest.h>

#include <string>

#include "task/marks.h"
#include "task/math_value.h"

namespace citer {
namespace {

TEST(LastBoxed, TakesTheLastBalancedOne) {
  EXPECT_EQ(last_boxed("So \\boxed{18}."), "18");
  EXPECT_EQ(last_boxed("\\boxed{1} no, \\boxed{2}"), "2");
  EXPECT_EQ(last_boxed("\\boxed{\\frac{1}{\\sqrt{2}}}"), "\\frac{1}{\\sqrt{2}}");
  EXPECT_EQ(last_boxed("\\boxed{ \\{1, 2\\} }"), "\\{1, 2\\}");
  EXPECT_EQ(last_boxed("\\boxed{7 \\} 8}"), "7 \\} 8") << "an escaped brace closes nothing";
  EXPECT_EQ(last_boxed("\\fbox{3} then \\boxed{4}"), "4");
  EXPECT_EQ(last_boxed("\\boxed{3} then \\fbox{4}"), "4");
  EXPECT_EQ(last_boxed("\\boxed 7$ is it"), "7");
}

TEST(LastBoxed, PassesOverCutOffAndEmptyOnes) {
  EXPECT_EQ(last_boxed("\\boxed{5} or rather \\boxed{\\frac{1}{2}"), "5");
  EXPECT_EQ(last_boxed("\\boxed{5} or rather \\boxed"), "5");
  EXPECT_EQ(last_boxed("\\boxed{5} and \\boxed{ }"), "5");
  EXPECT_EQ(last_boxed("\\boxed{\\frac{1}{2}"), std::nullopt);
  EXPECT_EQ(last_boxed("\\boxed{12\\"), std::nullopt);
  EXPECT_EQ(last_boxed("no box"), std::nullopt);
  EXPECT_EQ(last_boxed(""), std::nullopt);
}

TEST(LastHashAnswer, NeedsANumber) {
  EXPECT_EQ(last_hash_answer("a\n#### 18"), "18");
  EXPECT_EQ(last_hash_answer("#### 1\n#### 2,125\nmore"), "2,125");
  EXPECT_EQ(last_hash_answer("#### $-3.50 dollars"), "$-3.50 dollars");
  EXPECT_EQ(last_hash_answer("#### -3"), "-3");
  EXPECT_EQ(last_hash_answer("#### Step 2: add\n3"), std::nullopt) << "a heading";
  EXPECT_EQ(last_hash_answer("#### 4\n####"), "4") << "cut off";
}

struct Pair {
  const char* written;
  const char* normal;
};

class NormalizeMath : public testing::TestWithParam<Pair> {};

TEST_P(NormalizeMath, GivesOneSpelling) {
  EXPECT_EQ(normalize_math(GetParam().written), GetParam().normal);
}

TEST_P(NormalizeMath, IsIdempotent) {
  EXPECT_EQ(normalize_math(GetParam().normal), GetParam().normal);
}

INSTANTIATE_TEST_SUITE_P(
    Layout, NormalizeMath,
    testing::Values(Pair{"$18$", "18"}, Pair{"\\(18\\)", "18"}, Pair{"\\[ 18 \\]", "18"},
                    Pair{" 18. ", "18"}, Pair{"{18}", "18"}, Pair{"\\boxed{18}", "18"},
                    Pair{"\\left( 3, \\frac{\\pi}{2} \\right)", "(3,\\frac{\\pi}{2})"},
                    Pair{"\\displaystyle 5", "5"}, Pair{"x \\le 3", "x\\leq3"},
                    Pair{"x\\,y\\;z", "xyz"}, Pair{"\\text{Evelyn}", "Evelyn"},
                    Pair{"\\text{(B)}", "B"}, Pair{"(E)", "E"}, Pair{"\\mathbf{v}", "v"},
                    Pair{"\\pi r", "\\pi r"}, Pair{"x^{2}+y_{1}", "x^2+y_1"}, Pair{"= 5", "5"},
                    Pair{"+5", "5"}, Pair{"", ""}, Pair{"\\", "\\"}, Pair{"\\frac", "\\frac"}));

INSTANTIATE_TEST_SUITE_P(
    Fractions, NormalizeMath,
    testing::Values(Pair{"\\dfrac{3}{4}", "\\frac{3}{4}"}, Pair{"\\tfrac34", "\\frac{3}{4}"},
                    Pair{"\\frac1{72}", "\\frac{1}{72}"}, Pair{"\\frac{1}2", "\\frac{1}{2}"},
                    Pair{"3/4", "\\frac{3}{4}"}, Pair{"x/2", "\\frac{x}{2}"},
                    Pair{"-x/2", "-\\frac{x}{2}"}, Pair{"(3, 1/2)", "(3,\\frac{1}{2})"},
                    Pair{"1/2x", "1/2x"}, Pair{"\\pi/2", "\\frac{\\pi}{2}"},
                    Pair{"1 1/2", "1\\frac{1}{2}"}, Pair{"1\\frac{1}{2}", "1\\frac{1}{2}"},
                    Pair{"½", "\\frac{1}{2}"},
                    Pair{"\\frac{\\sqrt2}{\\dfrac12}", "\\frac{\\sqrt{2}}{\\frac{1}{2}}"}));

INSTANTIATE_TEST_SUITE_P(Roots, NormalizeMath,
                         testing::Values(Pair{"\\sqrt2", "\\sqrt{2}"}, Pair{"√3", "\\sqrt{3}"},
                                         Pair{"sqrt(3)", "\\sqrt{3}"},
                                         Pair{"2\\sqrt {3}", "2\\sqrt{3}"},
                                         Pair{"\\sqrt[3]{2}", "\\sqrt[3]{2}"}));

INSTANTIATE_TEST_SUITE_P(
    Units, NormalizeMath,
    testing::Values(Pair{"5\\text{ cm}", "5"}, Pair{"5\\text{ cm}^2", "5"},
                    Pair{"5\\ \\mathrm{cm}^{2}", "5"}, Pair{"18 dollars per day", "18"},
                    Pair{"12cm", "12"}, Pair{"5 m", "5"}, Pair{"5m", "5m"}, Pair{"2xy", "2xy"},
                    Pair{"\\$18", "18"}, Pair{"$1,234.50 dollars", "1234.50"}, Pair{"€20", "20"},
                    Pair{"5\\%", "5"}, Pair{"5%", "5"}, Pair{"90^\\circ", "90"},
                    Pair{"90^{\\circ}", "90"}, Pair{"90°", "90"}, Pair{"45 degrees", "45"},
                    Pair{"\\frac{1}{2} cups", "\\frac{1}{2}"}, Pair{"3 square feet.", "3"}));

INSTANTIATE_TEST_SUITE_P(Numbers, NormalizeMath,
                         testing::Values(Pair{"1,234,567", "1234567"}, Pair{"10{,}000", "10000"},
                                         Pair{"10,\\!000", "10000"}, Pair{"10\\,000", "10000"},
                                         Pair{"-3", "-3"}, Pair{"−3", "-3"}, Pair{".5", "0.5"},
                                         Pair{"3.141,592", "3.141, 592"}, Pair{"1, 234", "1, 234"},
                                         Pair{"(1,234)", "(1,234)"}, Pair{"12,34", "12, 34"},
                                         Pair{"2 \\times 3", "2\\cdot3"},
                                         Pair{"2440_6", "2440_6"}));

INSTANTIATE_TEST_SUITE_P(Definitions, NormalizeMath,
                         testing::Values(Pair{"x = 5", "5"}, Pair{"f(x)=x+1", "x+1"},
                                         Pair{"x_1 = 5", "5"}, Pair{"\\theta = \\pi", "\\pi"},
                                         Pair{"x \\in [1, 2)", "[1,2)"}, Pair{"2x=4", "2x=4"},
                                         Pair{"3 \\text{ or } 4", "3, 4"},
                                         Pair{"3 and 4", "3, 4"}));

TEST(ParseRational, IsExact) {
  EXPECT_EQ(parse_rational("-3"), (Rational{-3, 1}));
  EXPECT_EQ(parse_rational("1234.50"), (Rational{2469, 2}));
  EXPECT_EQ(parse_rational("\\frac{6}{8}"), (Rational{3, 4}));
  EXPECT_EQ(parse_rational("-\\frac{3}{4}"), (Rational{-3, 4}));
  EXPECT_EQ(parse_rational("\\frac{3}{-4}"), (Rational{-3, 4}));
  EXPECT_EQ(parse_rational("-1\\frac{1}{2}"), (Rational{-3, 2}));
  EXPECT_EQ(parse_rational("5.00"), (Rational{5, 1}));
  EXPECT_EQ(parse_rational("9007199254740993"), (Rational{9007199254740993, 1}));
  EXPECT_EQ(parse_rational("1.00000000000000000000000000"), (Rational{1, 1}));
}

TEST(ParseRational, RefusesWhatIsNoLiteral) {
  for (const char* text : {"", "-", ".", "1.2.3", "x", "1e5", "\\frac{1}{0}", "\\frac{1}{x}", "--3",
                           "99999999999999999999", "1+1", "3-"}) {
    EXPECT_EQ(parse_rational(text), std::nullopt) << text;
  }
}

TEST(EvaluateConstant, FollowsPrecedence) {
  EXPECT_NEAR(evaluate_constant("1+2\\cdot3^2").value(), 19, 1e-12);
  EXPECT_NEAR(evaluate_constant("-2^2").value(), -4, 1e-12);
  EXPECT_NEAR(evaluate_constant("2\\sqrt{3}").value(), 3.4641016151377544, 1e-12);
  EXPECT_NEAR(evaluate_constant("\\sqrt[3]{8}").value(), 2, 1e-12);
  EXPECT_NEAR(evaluate_constant("\\frac{3\\pi}{4}").value(), 2.356194490192345, 1e-12);
  EXPECT_NEAR(evaluate_constant("(1+\\sqrt{5})/2").value(), 1.618033988749895, 1e-12);
}

TEST(EvaluateConstant, RefusesTheRest) {
  for (const char* text : {"", "x", "2x", "1+", "(1", "1)", "\\sqrt{-1}", "1/0", "2^x", "\\infty",
                           "\\frac{1}", "3\\pi r"}) {
    EXPECT_EQ(evaluate_constant(text), std::nullopt) << text;
  }
  EXPECT_EQ(evaluate_constant(std::string(500, '(')), std::nullopt) << "nesting is bounded";
}

void expect_same(const char* gold, const char* given, bool same) {
  EXPECT_EQ(same_math_answer(normalize_math(gold), normalize_math(given)), same)
      << gold << " against " << given;
}

TEST(SameMathAnswer, ComparesByValue) {
  expect_same("18", "18.00", true);
  expect_same("0.75", "3/4", true);
  expect_same("\\frac{3}{4}", "\\frac{6}{8}", true);
  expect_same("1.5", "1 1/2", true);
  expect_same("1.5", "1\\frac12", true);
  expect_same("2125", "2,125", true);
  expect_same("5\\%", "5", true);
  expect_same("5", "5%", true);
  expect_same("5", "0.05", false);
  expect_same("-3", "3", false);
  expect_same("\\frac13", "0.333", false);
  expect_same("9007199254740993", "9007199254740992", false);
  expect_same("100000000000000000001", "100000000000000000001", true);
  expect_same("100000000000000000001", "100000000000000000002", false);
}

TEST(SameMathAnswer, ComparesConstantExpressions) {
  expect_same("\\frac{\\sqrt{3}}{2}", "\\sqrt{3}/2", true);
  expect_same("2\\sqrt{3}", "\\sqrt{12}", true);
  expect_same("\\frac{3\\pi}{4}", "3\\pi/4", true);
  expect_same("3+2\\sqrt{2}", "2\\sqrt{2}+3", true);
  expect_same("2\\sqrt{3}", "3\\sqrt{2}", false);
  expect_same("\\pi", "3.14159", false);
  expect_same("18", "9 \\times 2", false);  // not worked out
}

TEST(SameMathAnswer, ComparesPartByPart) {
  expect_same("(3,\\frac{1}{2})", "\\left( 3, 0.5 \\right)", true);
  expect_same("(3,4)", "(4,3)", false);
  expect_same("(3,4)", "[3,4]", false);
  expect_same("[1,2)", "[1, 2.0)", true);
  expect_same("[1,2)", "[1,2]", false);
  expect_same("3,4", "4, 3", true);
  expect_same("3,4", "x=3 or x=4", true);
  expect_same("\\{1,2\\}", "2, 1", true);
  expect_same("3,4", "3", false);
  expect_same("3,3,4", "3,4,4", false);
  expect_same("(-\\infty,2)\\cup(3,\\infty)", "(3, \\infty) \\cup (-\\infty, 2.0)", true);
  expect_same("(-\\infty,2)\\cup(3,\\infty)", "(-\\infty,2)", false);
  expect_same("(1,234)", "1234", false);
}

TEST(SameMathAnswer, ComparesTextAndFormulas) {
  expect_same("\\text{Evelyn}", "evelyn", true);
  expect_same("x", "X", false);
  expect_same("\\text{odd}", "even", false);
  expect_same("x^2+1", "x^{2} + 1", true);
  expect_same("y=2x+3", "2x+3", true);
  expect_same("\\text{(B)}", "B", true);
  expect_same("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}",
              true);
}

}  // namespace
}  // namespace citer
