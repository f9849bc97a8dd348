// Reading GBNF: what is refused, and where; and that no text does harm.
#include "grammar/matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "base/rng.h"
#include "citer/error.h"
#include "support/error_text.h"

namespace citer {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& gbnf, const GrammarLimits& limits = {}) {
  return test::error_text<UsageError>([&] { compile_grammar(gbnf, limits); });
}

TEST(Gbnf, ErrorsNameThePlace) {
  for (const auto& [gbnf, error] : std::vector<std::pair<std::string, std::string>>{
           {"", "there is no rule 'root'"},
           {"a ::= \"x\"", "there is no rule 'root'"},
           {"root ::= (", "1:11: expected ')', found the end"},
           {"root ::= \"a\n", "2:1: it ends too early"},
           {"root ::= \"a", "1:12: it ends too early"},
           {"root ::= [a", "1:12: it ends too early"},
           {"root := \"a\"", "1:7: expected ':', found '='"},
           {"root\n::= \"a\"", "1:5: expected ':', found U+000A"},
           {"root ::= a", "1:10: there is no rule 'a'"},
           {"root ::= \"a\"\n\n  b ::= c | \"é\" d\nc ::= \"\"", "3:17: there is no rule 'd'"},
           {"root ::= \"a\" )", "1:14: expected a symbol, found ')'"},
           {"root ::= (\"a\" = )", "1:15: expected ')', found '='"},
           {"root ::= | *", "1:12: nothing stands before '*'"},
           {"root ::= \"\\q\"",
            "1:12: expected one of x u U n r t \\ \" [ ] after '\\', found 'q'"},
           {"root ::= \"\\xg0\"", "hexadecimal"},
           {"root ::= [b-a]", "1:14: the last character of a range comes before"},
           {"root ::= \"a\"{5,2}", "1:14: expected {least,most}, found {5,2}"},
           {"root ::= \"a\"{,2}", "1:14: a quantifier without a number"},
           {"root ::= \"a\"{2", "1:15: expected '}', found the end"},
           {"root ::= <think> .*", "1:10: references to tokens (<...>) are not supported"},
           {"root ::= !<[12]>", "references to tokens"},
           {"root ::= \"\xFF\"", "expected UTF-8"},
           {"\"a\"", "1:1: expected the name of a rule, found '\"'"}}) {
    EXPECT_THAT(error_of(gbnf), HasSubstr("grammar: ")) << gbnf;
    EXPECT_THAT(error_of(gbnf), HasSubstr(error)) << gbnf;
  }
}

TEST(Gbnf, BoundsAreSaidWithThePlaceAndWhatWasFound) {
  const std::string deep =
      "root ::= " + std::string(20'000, '(') + "\"a\"" + std::string(20'000, ')');
  EXPECT_THAT(error_of(deep), HasSubstr("grammar: 1:311: 301 parentheses within each other, at "
                                        "most 300 are allowed"));
  EXPECT_THAT(error_of("root ::= \"a\"{999999999999999999999}"),
              HasSubstr("1:18: a number of repetitions above 20000"));
  EXPECT_THAT(error_of("root ::= ((\"a\"{1000}){1000}){1000}"),
              HasSubstr("symbols with repetitions written out, at most 1000000 are allowed"));
  GrammarLimits limits;
  limits.rules = 2;
  EXPECT_THAT(error_of("root ::= a\na ::= b\nb ::= \"x\"", limits),
              HasSubstr("2:8: 3 rules, at most 2 are allowed"));
  limits.text = 10;
  EXPECT_THAT(error_of("root ::= \"ab\"", limits), HasSubstr("13 bytes, at most 10 are allowed"));
}

TEST(Gbnf, WhatIsRepeatedAndThrownAwayCounts) {
  std::string gbnf = "root ::= ";
  for (int i = 0; i < 100; ++i) gbnf += "\"a\"{20000}{0} ";
  EXPECT_THAT(error_of(gbnf), HasSubstr("symbols with repetitions written out"));
  compile_grammar("root ::= (\"\"{20000}){20000}");  // nothing, at once
}

TEST(Gbnf, TheLimitsLeaveRoom) {
  compile_grammar("root ::= \"[\" item{0,10000} \"]\"\nitem ::= \"\\\"\" [^\"]{0,2083} \"\\\"\"");
  std::string rules = "root ::= r0\n";
  for (int i = 0; i < 10'000; ++i) {
    rules += "r" + std::to_string(i) + " ::= \"x\" r" + std::to_string((i + 1) % 10'000) + "?\n";
  }
  compile_grammar(rules);
}

/// Mostly pieces of GBNF, and random bytes among them.
std::string random_text(Rng& rng) {
  const std::vector<std::string> pieces = {
      "root", " ::= ", "a",   "b",    "\n",    " ",     "(",     ")",     "|",     "*",
      "+",    "?",     "{2}", "{1,}", "{0,3}", "{3,1}", "{",     "}",     ",",     "[",
      "]",    "^",     "-",   "\"",   "\\",    "x4",    "u00",   ".",     "#",     "\r\n",
      "<",    ">",     "!",   "é",    "9999",  "\t",    "\"a\"", "[a-z]", "[^\n]", "root ::= "};
  std::string text = rng.uniform(0, 1) ? "root ::= " : "";
  for (std::int64_t n = rng.uniform(0, 30); n > 0; --n) {
    if (rng.uniform(0, 30) == 0) {
      text += static_cast<char>(rng.uniform(0, 255));
    } else {
      const auto at = rng.uniform(0, static_cast<std::int64_t>(pieces.size()) - 1);
      text += pieces[static_cast<std::size_t>(at)];
    }
  }
  return text;
}

TEST(Gbnf, AnyTextIsReadOrRefused) {
  int read = 0;
  for (std::uint64_t seed = 0; seed < 30'000; ++seed) {
    Rng rng(seed);
    const std::string text = random_text(rng);
    try {
      GrammarMatcher matcher(compile_grammar(text));
      matcher.accept("aé(");
      ++read;
    } catch (const UsageError& e) {
      EXPECT_THAT(e.what(), testing::StartsWith("grammar: ")) << text;
    }
  }
  EXPECT_GT(read, 100);
}

}  // namespace
}  // namespace citer
