// When two mathematical answers are the same, and by what kind of comparison.
#include "task/math_compare.h"

#include <gtest/gtest.h>

#include <string>

#include "task/latex.h"

namespace citer {
namespace {

void expect_same(const char* gold, const char* given, bool same) {
  EXPECT_EQ(is_same(compare_math(normalize_math(gold), normalize_math(given))), same)
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

void expect_comparison(const char* gold, const char* given, Comparison expected) {
  const Comparison found = compare_math(normalize_math(gold), normalize_math(given));
  EXPECT_STREQ(comparison_name(found), comparison_name(expected)) << gold << " against " << given;
}

TEST(CompareMath, SaysHow) {
  expect_comparison("18", "18", Comparison::kSpelling);
  expect_comparison("18", "18.0", Comparison::kExact);
  expect_comparison("18", "19", Comparison::kDifferent);
  expect_comparison("2k+2", "2(k+1)", Comparison::kIdentity);
  expect_comparison("2\\sqrt{3}", "\\sqrt{12}", Comparison::kNumeric);
  expect_comparison("\\text{Evelyn}", "evelyn", Comparison::kWords);
  expect_comparison("18", "eighteen%!(", Comparison::kUnread);
  expect_comparison("2, 2\\sqrt{3}", "\\sqrt{12}, 2.0", Comparison::kNumeric);
}

/// Beyond 4096 bits numbers are compared modulo primes: still told apart.
TEST(CompareMath, LargeNumbersAreToldApart) {
  expect_comparison("2^{100000}", "4^{50000}", Comparison::kIdentity);
  expect_comparison("2^{100000}", "2^{100000}+1", Comparison::kDifferent);
  expect_comparison("100!", "99! \\cdot 100", Comparison::kExact);
  expect_comparison("1000!", "999! \\cdot 1000", Comparison::kIdentity);
  expect_comparison("\\binom{10}{3}", "120", Comparison::kExact);
  expect_comparison("10^{1000000000}", "10^{999999999}", Comparison::kDifferent);
}

TEST(CompareMath, FormulasByTheirValues) {
  expect_same("(x+1)^{100}", "(1+x)^{100}", true);
  expect_same("(x+1)^{100}", "(1+x)^{99}", false);
  expect_same("\\frac{x^2-1}{x-1}", "x+1", true);
  expect_same("\\frac{1}{x}+\\frac{1}{y}", "\\frac{x+y}{xy}", true);
  expect_same("e^{x+1}", "e \\cdot e^x", true);
  expect_same("\\sin^2 x + \\cos^2 x", "1", true);
  expect_same("\\log_2 8", "3", true);
  expect_same("\\ln 6", "\\ln 2 + \\ln 3", true);
  expect_same("\\sqrt[3]{-8}", "-2", true);
  expect_same("|{-3}|", "3", true);
  expect_same("\\sqrt{-4}", "2i", true);
  expect_same("x^{\\frac12}", "\\sqrt{x}", true);
  expect_same("\\sqrt{2}", "1.4142135623730950488016887", false);
  expect_same("\\frac{1}{0}", "\\frac{2}{0}", false);
  expect_same("0", "\\frac{0}{0}", false);
}

TEST(CompareMath, Relations) {
  expect_same("x^2+y^2=4", "4 = y^2+x^2", true);
  expect_same("2x+2y=4", "x+y=2", true);
  expect_same("x+y=2", "x+y=3", false);
  expect_same("x=x+y-2", "x+y=x+y", false);
  expect_same("y \\geq 2x", "2x \\leq y", true);
  expect_same("y \\geq 2x", "y \\leq 2x", false);
  expect_same("4", "2x=4", false);
  expect_same("5", "f(2) = 5", true);
  expect_same("(3,4)", "(x,y)=(3,4)", true);
}

TEST(CompareMath, DeepAndLongFormulasEnd) {
  const std::string deep(400, '(');
  EXPECT_FALSE(is_same(compare_math("1", deep + "1" + std::string(400, ')'))));
  std::string nested = "x";
  for (int i = 0; i < 60; ++i) nested = "\\frac{1}{1\\frac{" + nested + "}{2}}";
  EXPECT_FALSE(is_same(compare_math("1", nested)));
  std::string tower = "x";
  for (int i = 0; i < 15; ++i) tower = "x^{" + tower + "}";
  EXPECT_TRUE(is_same(compare_math(tower, tower + "+0")));
  std::string list;
  for (int i = 0; i < 60; ++i) list += "\\sqrt{" + std::to_string(i) + "},";
  EXPECT_FALSE(is_same(compare_math(list + "1", list + "2")));
}

}  // namespace
}  // namespace citer
