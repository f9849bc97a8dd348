// The matcher beside a plain enumeration of what small grammars generate, beside libllama's own
// grammar sampler, and under grammars that are made to hurt.
#include "grammar/matcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <set>
#include <string>

#include "base/rng.h"
#include "citer/error.h"
#include "grammar/json_schema.h"
#include "support/error_text.h"
#include "support/grammar_check.h"

namespace citer {
namespace {

using testing::HasSubstr;
using Texts = std::set<std::string>;

bool matches(const std::string& grammar, std::string_view text) {
  GrammarMatcher matcher(compile_grammar(grammar));
  return matcher.accept(text) && matcher.may_end();
}

/// All texts over `letters` of at most `size` bytes that the matcher lets end, by letting it go on
/// as long as it allows a letter.
Texts allowed_texts(GrammarMatcher& matcher, std::string_view letters, std::size_t size) {
  Texts texts;
  std::string text;
  const auto grow = [&](auto&& self) -> void {
    if (matcher.may_end()) texts.insert(text);
    if (text.size() == size) return;
    for (const char letter : letters) {
      const std::string_view one(&letter, 1);
      const bool allowed = matcher.allows(one);
      EXPECT_EQ(matcher.accept(one), allowed);
      if (!allowed) continue;
      text += letter;
      self(self);
      text.pop_back();
      matcher.truncate(text.size());
    }
  };
  grow(grow);
  return texts;
}

// A random grammar, as text and as what it generates

/// The texts of at most `size` bytes that two sets make one behind the other.
Texts joined(const Texts& a, const Texts& b, std::size_t size) {
  Texts out;
  for (const std::string& x : a) {
    for (const std::string& y : b) {
      if (x.size() + y.size() <= size) out.insert(x + y);
    }
  }
  return out;
}

constexpr std::size_t kLongest = 6;
constexpr int kRules = 4;

struct Part {
  enum class Kind { kText, kRule, kChoice, kRow, kRepeat } kind;
  std::string text;
  int rule = 0;
  std::vector<Part> parts{};
  int min = 0;
  int max = 0;  ///< negative: without end
};

Part random_part(Rng& rng, int depth) {
  const std::int64_t kind = rng.uniform(0, depth > 2 ? 1 : 4);
  Part part{static_cast<Part::Kind>(kind), "", 0};
  const auto fill = [&](std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) part.parts.push_back(random_part(rng, depth + 1));
  };
  switch (part.kind) {
    case Part::Kind::kText:
      for (std::int64_t n = rng.uniform(0, 2); n > 0; --n)
        part.text += rng.uniform(0, 1) ? 'a' : 'b';
      break;
    case Part::Kind::kRule:
      part.rule = static_cast<int>(rng.uniform(0, kRules - 1));
      break;
    case Part::Kind::kRepeat:
      fill(1);
      part.min = static_cast<int>(rng.uniform(0, 2));
      part.max = rng.uniform(0, 1) ? -1 : part.min + static_cast<int>(rng.uniform(0, 2));
      break;
    default:
      fill(rng.uniform(1, 3));
  }
  return part;
}

std::string gbnf_of(const Part& part) {
  std::string out;
  switch (part.kind) {
    case Part::Kind::kText:
      return "\"" + part.text + "\"";
    case Part::Kind::kRule:
      return part.rule == 0 ? "root" : "r" + std::to_string(part.rule);
    case Part::Kind::kRepeat:
      out = "(" + gbnf_of(part.parts[0]) + ")";
      if (part.max < 0 && part.min < 2) return out + (part.min == 0 ? "*" : "+");
      return out + "{" + std::to_string(part.min) + "," +
             (part.max < 0 ? "" : std::to_string(part.max)) + "}";
    default:
      for (const Part& p : part.parts) {
        if (!out.empty()) out += part.kind == Part::Kind::kChoice ? " | " : " ";
        out += gbnf_of(p);
      }
      return "(" + out + ")";
  }
}

Texts texts_of(const Part& part, const std::vector<Texts>& rules) {
  Texts out;
  switch (part.kind) {
    case Part::Kind::kText:
      return {part.text};
    case Part::Kind::kRule:
      return rules[static_cast<std::size_t>(part.rule)];
    case Part::Kind::kChoice:
      for (const Part& p : part.parts) out.merge(texts_of(p, rules));
      return out;
    case Part::Kind::kRow:
      out = {""};
      for (const Part& p : part.parts) out = joined(out, texts_of(p, rules), kLongest);
      return out;
    case Part::Kind::kRepeat:
      break;
  }
  const Texts one = texts_of(part.parts[0], rules);
  Texts power = {""};
  // More than the longest text's bytes add nothing but what shorter repetitions gave.
  const int most = part.max < 0 ? part.min + static_cast<int>(kLongest) : part.max;
  for (int i = 0; i <= most; ++i) {
    if (i >= part.min) out.insert(power.begin(), power.end());
    power = joined(power, one, kLongest);
  }
  return out;
}

/// What each rule generates: the least sets that satisfy all of them.
std::vector<Texts> generated(const std::vector<Part>& rules) {
  std::vector<Texts> texts(rules.size());
  for (bool grew = true; grew;) {
    grew = false;
    for (std::size_t i = 0; i < rules.size(); ++i) {
      Texts more = texts_of(rules[i], texts);
      grew |= more != texts[i];
      texts[i] = std::move(more);
    }
  }
  return texts;
}

TEST(GrammarMatcher, AllowsWhatRandomGrammarsGenerate) {
  int with_texts = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    Rng rng(seed);
    std::vector<Part> rules;
    std::string gbnf;
    for (int i = 0; i < kRules; ++i) {
      rules.push_back(random_part(rng, 0));
      gbnf += (i == 0 ? "root" : "r" + std::to_string(i)) + " ::= " + gbnf_of(rules.back()) + "\n";
    }
    SCOPED_TRACE(gbnf);
    const Texts expected = generated(rules)[0];
    with_texts += expected.size() > 1 ? 1 : 0;
    GrammarMatcher matcher(compile_grammar(gbnf));
    ASSERT_EQ(allowed_texts(matcher, "ab", kLongest), expected) << "seed " << seed;
  }
  EXPECT_GT(with_texts, 400);
}

// Rules that call themselves

TEST(GrammarMatcher, RulesMayCallThemselvesAtEitherEnd) {
  for (const char* grammar :
       {"root ::= root \"+\" t | t\nt ::= [0-9]+", "root ::= t \"+\" root | t\nt ::= [0-9]+",
        "root ::= root \"+\" root | t\nt ::= [0-9]+",
        "root ::= e? a\na ::= root \"+\" t | t\nt ::= [0-9]+\ne ::= \"\" e?"}) {
    SCOPED_TRACE(grammar);
    EXPECT_TRUE(matches(grammar, "1"));
    EXPECT_TRUE(matches(grammar, "1+22+3"));
    EXPECT_FALSE(matches(grammar, "1+"));
    EXPECT_FALSE(matches(grammar, "+1"));
  }
  EXPECT_FALSE(matches("root ::= root", ""));
  EXPECT_FALSE(matches("root ::= a\na ::= root", ""));
  EXPECT_TRUE(matches("root ::= root | root root | \"\"", ""));
}

TEST(GrammarMatcher, ALongTextInARecursiveRuleTakesLinearTime) {
  for (const char* grammar : {"root ::= \"a\" root | \"\"", "root ::= root \"a\" | \"\"",
                              "root ::= ([a-z]? [a-z]? [a-z]?)*"}) {
    GrammarMatcher matcher(compile_grammar(grammar));
    for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(matcher.accept("a")) << grammar;
    EXPECT_TRUE(matcher.may_end());
  }
}

TEST(GrammarMatcher, NestingMayBeDeep) {
  GrammarMatcher matcher(compile_grammar("root ::= \"(\" root \")\" | \"x\""));
  constexpr int kDepth = 20'000;
  for (int i = 0; i < kDepth; ++i) ASSERT_TRUE(matcher.accept("("));
  ASSERT_TRUE(matcher.accept("x"));
  for (int i = 0; i < kDepth; ++i) ASSERT_TRUE(matcher.accept(")"));
  EXPECT_TRUE(matcher.may_end());
  EXPECT_FALSE(matcher.can_continue());
  EXPECT_FALSE(matcher.allows(")"));
}

// The end

TEST(GrammarMatcher, KnowsWhereATextMayAndMustEnd) {
  GrammarMatcher matcher(compile_grammar("root ::= \"ab\" \"c\"?"));
  EXPECT_FALSE(matcher.may_end());
  EXPECT_TRUE(matcher.can_continue());
  ASSERT_TRUE(matcher.accept("ab"));
  EXPECT_TRUE(matcher.may_end());
  EXPECT_TRUE(matcher.can_continue());
  ASSERT_TRUE(matcher.accept("c"));
  EXPECT_TRUE(matcher.may_end());
  EXPECT_FALSE(matcher.can_continue());
  EXPECT_FALSE(matcher.accept("c"));
  EXPECT_TRUE(matcher.may_end()) << "what is refused changes nothing";
  matcher.truncate(1);
  EXPECT_EQ(matcher.size(), 1U);
  EXPECT_FALSE(matcher.allows("a"));
  EXPECT_TRUE(matcher.allows("bc"));
}

TEST(GrammarMatcher, AGrammarOfNoTextAllowsNothing) {
  GrammarMatcher matcher(compile_grammar("root ::= root \"a\""));
  EXPECT_FALSE(matcher.may_end());
  EXPECT_FALSE(matcher.accept("a"));
  const TokenTrie trie(std::vector<std::string>{"a", "b"});
  std::vector<bool> allowed;
  matcher.allowed_tokens(trie, allowed);
  EXPECT_EQ(allowed, std::vector<bool>(2));
}

// Bytes

TEST(GrammarMatcher, CharactersMayComeByteByByte) {
  GrammarMatcher matcher(compile_grammar("root ::= [é-ü] \"→\" [^a\\U0001F600]"));
  const std::string text = "ö→\U0001F601";
  for (const char byte : text) {
    EXPECT_FALSE(matcher.may_end());
    ASSERT_TRUE(matcher.accept(std::string_view(&byte, 1)));
  }
  EXPECT_TRUE(matcher.may_end());
  matcher.truncate(text.size() - 1);
  EXPECT_FALSE(matcher.may_end()) << "within a character";
  EXPECT_TRUE(matcher.can_continue());
  EXPECT_FALSE(matcher.allows("\x80")) << "U+1F600 is excluded";
  EXPECT_TRUE(matcher.allows("\x82"));
  EXPECT_FALSE(matcher.allows("a"));
  matcher.truncate(0);
  EXPECT_TRUE(matcher.allows("\xC3"));
  EXPECT_FALSE(matcher.allows("\xC4")) << "no character that begins so is in the class";
  EXPECT_FALSE(matcher.allows("\xE2"));
  EXPECT_FALSE(matcher.allows("\xC3\xA0")) << "à is before é";
}

TEST(GrammarMatcher, WhatIsNoUtf8IsNotAllowed) {
  for (const char* bytes :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F", "\xED\xA0\x80",
        "\xF0\x80\x80\x80", "\xF4\x90", "\xF8", "\xFF", "\xC3(", "\xE2\x82("}) {
    GrammarMatcher matcher(compile_grammar("root ::= .*"));
    EXPECT_FALSE(matcher.allows(bytes));
  }
  GrammarMatcher matcher(compile_grammar("root ::= .*"));
  EXPECT_TRUE(matcher.accept(std::string_view("\0\x7F\xC2\x80\xEF\xBF\xBF\xF4\x8F\xBF\xBF", 12)));
}

// Masks

std::vector<std::string> random_pieces(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  const std::vector<std::string> parts = {"a",  "b", "1",    "\"",   "{",   "}", "[",
                                          "]",  ",", ":",    " ",    "\n",  "é", "→",
                                          "\\", "n", "\xE2", "\x86", "true"};
  std::vector<std::string> pieces(n);
  for (std::string& piece : pieces) {
    for (std::int64_t k = rng.uniform(0, 4); k > 0; --k) {
      piece += parts[static_cast<std::size_t>(rng.uniform(0, static_cast<int>(parts.size()) - 1))];
    }
  }
  return pieces;
}

TEST(GrammarMatcher, AMaskIsACheckOfEachToken) {
  const std::vector<std::string> pieces = random_pieces(3000, 1);
  const TokenTrie trie(pieces);
  for (const std::string& grammar :
       {json_object_grammar(), std::string("root ::= .*"), std::string("root ::= [^a]+ \"→\" root"),
        json_schema_to_grammar(nlohmann::ordered_json::parse(
            R"({"properties": {"a": {"maxLength": 40}, "b": {"pattern": "^[ab1]+→?$"}}})"))}) {
    GrammarMatcher matcher(compile_grammar(grammar));
    Rng rng(7);
    for (int step = 0; step < 60; ++step) {
      std::vector<bool> allowed;
      matcher.allowed_tokens(trie, allowed);
      std::vector<std::size_t> choices;
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        ASSERT_EQ(allowed[i], !pieces[i].empty() && matcher.allows(pieces[i])) << pieces[i];
        if (allowed[i]) choices.push_back(i);
      }
      if (choices.empty()) break;
      const auto at = rng.uniform(0, static_cast<std::int64_t>(choices.size()) - 1);
      ASSERT_TRUE(matcher.accept(pieces[choices[static_cast<std::size_t>(at)]]));
      if (rng.uniform(0, 3) == 0) matcher.truncate(matcher.size() / 2);
    }
  }
}

TEST(GrammarMatcher, AMaskOverALargeVocabularyTakesMilliseconds) {
  const TokenTrie trie(random_pieces(151'936, 3));
  GrammarMatcher matcher(compile_grammar(json_object_grammar()));
  std::vector<bool> allowed;
  const std::clock_t start = std::clock();
  for (const char byte : std::string(R"({"a": "b")")) {
    ASSERT_TRUE(matcher.accept({&byte, 1}));
    matcher.allowed_tokens(trie, allowed);
  }
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / 9;
  RecordProperty("milliseconds", std::to_string(1000 * seconds));
  EXPECT_LT(seconds, 0.2) << "far from what it takes, for sanitizers' sake";
}

TEST(GrammarMatcher, GoingBackIsAsIfTheRestHadNotCome) {
  const auto grammar = compile_grammar(json_object_grammar());
  GrammarMatcher matcher(grammar);
  const std::string text = R"({"a": [1, {"b": "é\n"}], "c": null})";
  Rng rng(3);
  for (int i = 0; i < 300; ++i) {
    matcher.truncate(static_cast<std::size_t>(rng.uniform(0, static_cast<int>(matcher.size()))));
    const std::size_t at = matcher.size();
    const auto n = static_cast<std::size_t>(rng.uniform(0, static_cast<int>(text.size() - at)));
    ASSERT_TRUE(matcher.accept(std::string_view(text).substr(at, n)));
    GrammarMatcher fresh(grammar);
    ASSERT_TRUE(fresh.accept(std::string_view(text).substr(0, at + n)));
    EXPECT_EQ(matcher.may_end(), fresh.may_end());
    EXPECT_EQ(matcher.can_continue(), fresh.can_continue());
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      ASSERT_EQ(matcher.allows({&c, 1}), fresh.allows({&c, 1})) << byte;
    }
  }
}

// libllama's reading

TEST(GrammarMatcher, ReadsGrammarsAsLibllamaDoes) {
  const std::vector<std::string> grammars = {
      "root ::= (expr \"=\" ws term \"\\n\")+\nexpr ::= term ([-+*/] term)*\n"
      "term ::= ident | num | \"(\" ws expr \")\" ws\nident ::= [a-z] [a-z0-9_]* ws\n"
      "num ::= [0-9]+ ws\nws ::= [ \\t\\n]*",
      "# moves\nroot ::= \"1. \" move \" \" move ([1-9] \".\" | \n  \"..\")? # the end\n\n"
      "move ::= (pawn | castle) [+#]?\npawn ::= [a-h]{2}[1-8]\ncastle ::= \"O-O\" \"-O\"?",
      "root ::= item{1,3}\nitem ::= \"- \" [^\\r\\n\\x0b\\u0100-\\U00000110]{2,} \"\\n\"",
      "root ::= \"a\"{2} (\"b\" | ) [^\\]a]? .{0,2} [\\]\\[\\\\\"-]*", json_object_grammar()};
  const std::vector<std::string> parts = {
      "a",  "b", "1", "x", "=",    "+", "(",   ")", " ", "\n", "- ", "e4", ".", "\"",  "]",
      "\\", "{", "}", ":", "null", ",", "1. ", "→", "[", "#",  "O-", "O",  "-", "ab1", "aa"};
  Rng rng(5);
  int allowed = 0;
  for (const std::string& grammar : grammars) {
    SCOPED_TRACE(grammar);
    const test::GrammarCheck libllama(grammar);
    GrammarMatcher matcher(compile_grammar(grammar));
    for (int i = 0; i < 400; ++i) {
      // Mostly along what is allowed, so that the ends are seen.
      matcher.truncate(0);
      std::string text;
      for (std::int64_t k = rng.uniform(0, 12); k > 0; --k) {
        for (int attempt = 0; attempt < 12; ++attempt) {
          const auto at = rng.uniform(0, static_cast<int>(parts.size()) - 1);
          const std::string& part = parts[static_cast<std::size_t>(at)];
          if (!matcher.accept(part)) continue;
          text += part;
          break;
        }
      }
      EXPECT_EQ(libllama.accepts(text), matcher.may_end()) << text;
      allowed += matcher.may_end() ? 1 : 0;
      const auto at = rng.uniform(0, static_cast<int>(parts.size()) - 1);
      text += parts[static_cast<std::size_t>(at)];
      EXPECT_EQ(libllama.accepts(text), matches(grammar, text)) << text;
    }
  }
  EXPECT_GT(allowed, 200);
}

// Bounds

TEST(GrammarMatcher, AnAmbiguousGrammarWorksOrFailsInTime) {
  const auto grammar = compile_grammar(
      "root ::= a a a a a a a a a a a a\na ::= b b b b b b b b b b\nb ::= c c c c c c c c c c\n"
      "c ::= [a-z]? [a-z]? [a-z]? [a-z]? [a-z]? [a-z]? [a-z]?");
  const TokenTrie trie(random_pieces(5000, 2));
  GrammarMatcher matcher(grammar);
  std::vector<bool> allowed;
  std::chrono::duration<double> longest{};
  std::string error;
  for (int i = 0; i < 400 && error.empty(); ++i) {
    const auto start = std::chrono::steady_clock::now();
    const std::size_t size = matcher.size();
    try {
      matcher.allowed_tokens(trie, allowed);
      matcher.accept("x");
    } catch (const GrammarError& e) {
      error = e.what();
      EXPECT_EQ(matcher.size(), size) << "it stays where it was";
    }
    longest =
        std::max(longest, std::chrono::duration<double>(std::chrono::steady_clock::now() - start));
  }
  EXPECT_GT(matcher.size(), 30U);
  EXPECT_LT(longest.count(), 5.0) << "even under sanitizers";
  EXPECT_THAT(error, testing::AnyOf("", HasSubstr("too ambiguous")));
}

TEST(GrammarMatcher, WorkAndWhatIsKeptAreBounded) {
  GrammarLimits limits;
  limits.work = 100;
  const auto many = compile_grammar("root ::= (\"a\"? \"a\"?){200}", limits);
  EXPECT_THAT(test::error_text<GrammarError>([&] { GrammarMatcher matcher(many); }),
              HasSubstr("more than 100 steps"));
  limits = {};
  limits.kept = 1000;
  GrammarMatcher matcher(compile_grammar("root ::= \"(\" root \")\" | \"\"", limits));
  EXPECT_THAT(test::error_text<GrammarError>([&] {
                for (int i = 0; i < 1000; ++i) matcher.accept("(");
              }),
              HasSubstr("more than 1000 items"));
  EXPECT_TRUE(matcher.size() > 10 && matcher.size() < 1000);
}

}  // namespace
}  // namespace citer
