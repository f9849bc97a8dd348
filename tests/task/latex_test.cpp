#include "task/latex.h"

#include <gtest/gtest.h>

#include <string>

#include "task/marks.h"

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
                    Pair{"\\textbf{(C)}\\ 12", "12"}, Pair{"(C) 12", "12"},
                    Pair{"(X)(Y)", "(X)(Y)"}, Pair{"\\angle ABC = 30", "ABC=30"},
                    Pair{"\\\\left(1,\\\\frac12\\\\right)", "(1,\\frac{1}{2})"},
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

INSTANTIATE_TEST_SUITE_P(
    Numbers, NormalizeMath,
    testing::Values(Pair{"1,234,567", "1234567"}, Pair{"10{,}000", "10000"},
                    Pair{"10,\\!000", "10000"}, Pair{"10\\,000", "10000"}, Pair{"-3", "-3"},
                    Pair{"−3", "-3"}, Pair{".5", "0.5"}, Pair{"3.141,592", "3.141, 592"},
                    Pair{"1, 234", "1, 234"}, Pair{"(1,234)", "(1,234)"}, Pair{"12,34", "12, 34"},
                    Pair{"2 \\times 3", "2\\cdot3"}, Pair{"2440_6", "2440_6"}, Pair{"2**3", "2^3"},
                    Pair{"11,\\!111,\\! 100", "11111100"}, Pair{"1\u202f234\u202f567", "1234567"},
                    Pair{"x¹²", "x^{12}"}, Pair{"three", "3"}, Pair{"\\text{twenty-one}", "21"},
                    Pair{"one hundred and five", "105"}, Pair{"two thousand three hundred", "2300"},
                    Pair{"one two", "onetwo"}, Pair{"and", "and"}));

INSTANTIATE_TEST_SUITE_P(Definitions, NormalizeMath,
                         testing::Values(Pair{"x = 5", "5"}, Pair{"f(x)=x+1", "f(x)=x+1"},
                                         Pair{"x_1 = 5", "5"}, Pair{"\\theta = \\pi", "\\pi"},
                                         Pair{"x \\in [1, 2)", "[1,2)"}, Pair{"2x=4", "2x=4"},
                                         Pair{"x \\lt 3", "x<3"}, Pair{"3 \\text{ or } 4", "3, 4"},
                                         Pair{"3 and 4", "3, 4"}));

}  // namespace
}  // namespace citer
