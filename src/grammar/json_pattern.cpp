#include "grammar/json_pattern.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "citer/error.h"
#include "grammar/scanner.h"

namespace citer {

namespace {

constexpr int kDeepestGroup = 32;

/// \d, \w, \s and their complements; nothing for another letter.
std::optional<Ranges> class_escape(char32_t letter) {
  switch (letter) {
    case 'd':
      return Ranges{{'0', '9'}};
    case 'w':
      return Ranges{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    case 's':
      return Ranges{{'\t', '\r'}, {' ', ' '}, {0xA0, 0xA0}};
    case 'D':
    case 'W':
    case 'S':
      return complement(*class_escape(letter - 'A' + 'a'));
    default:
      return {};
  }
}

/// One character of the ranges, as a JSON string spells it.
std::string character(const Ranges& ranges) {
  std::vector<std::string> choices;
  const Ranges outside = complement(ranges);
  const auto covers = [&](char32_t c) {
    return std::none_of(outside.begin(), outside.end(),
                        [&](const Range& r) { return r.first <= c && c <= r.last; });
  };
  // What JSON must escape is split off. Of the control characters those with short names will do.
  Ranges special = outside;
  for (const Range& range : {Range{0, 0x1F}, {'"', '"'}, {'\\', '\\'}, {0x7F, 0x7F}, kSurrogates}) {
    special.push_back(range);
  }
  const Ranges plain = complement(special);
  if (!plain.empty()) choices.push_back(gbnf::class_of(plain));
  for (const auto& [c, escape] : {std::pair<char32_t, const char*>{'"', "\\\""},
                                  {'\\', "\\\\"},
                                  {'\b', "\\b"},
                                  {'\f', "\\f"},
                                  {'\n', "\\n"},
                                  {'\r', "\\r"},
                                  {'\t', "\\t"}}) {
    if (covers(c)) choices.push_back(gbnf::literal(escape));
  }
  return choices.empty() ? "" : gbnf::choice(choices);
}

/// A part of a pattern as a GBNF piece.
struct Part {
  std::string text;
  bool may_be_empty = false;
  std::int64_t repetitions = 1;  ///< of its innermost symbol
};

/// Recursive descent over the pattern.
class PatternParser final : Scanner {
 public:
  PatternParser(std::string_view pattern, gbnf::Rules& rules)
      : Scanner(code_points(pattern)), rules_(rules) {}

  std::vector<Condition> parse() {
    std::vector<Condition> lookaheads;
    const std::string matched = choices(/*anchored=*/false, lookaheads);
    if (!at_end()) fail("')' without '('");
    lookaheads.insert(lookaheads.begin(), {matched});
    return lookaheads;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const override {
    throw UsageError(fmt::format("pattern, character {}: {} is not supported", at_ + 1, problem));
  }

  /// Alternatives that may have anchors; `anchored` are those of a lookahead.
  std::string choices(bool anchored, std::vector<Condition>& lookaheads) {
    std::vector<std::string> choices;
    do {
      const bool from_start = anchored || take('^');
      while (!anchored && from_start && text_.compare(at_, 2, U"(?") == 0) {
        if (!lookahead(lookaheads)) break;
      }
      const Part part = sequence(/*at_top=*/true);
      const bool to_end = take('$');
      if (to_end && !at_end() && peek() != '|' && peek() != ')') fail("'$' before the end");
      choices.push_back(
          fmt::format("{}{}{}", from_start ? "" : "char* ", part.text, to_end ? "" : " char*"));
    } while (take('|'));
    if (!anchored && !lookaheads.empty() && choices.size() > 1) {
      fail("a lookahead in one of several alternatives");
    }
    return fmt::format("({})", fmt::join(choices, " | "));
  }

  /// (?=...) or (?!...); false where another group begins.
  bool lookahead(std::vector<Condition>& lookaheads) {
    const char32_t kind = at_ + 2 < text_.size() ? text_[at_ + 2] : 0;
    if (kind != '=' && kind != '!') return false;
    at_ += 3;
    std::string text = choices(/*anchored=*/true, lookaheads);
    if (!take(')')) fail("'(' without ')'");
    lookaheads.push_back({std::move(text), kind == '!'});
    return true;
  }

  Part alternatives() {
    std::vector<std::string> choices;
    Part all;
    do {
      const Part part = sequence(/*at_top=*/false);
      choices.push_back(part.text);
      all.may_be_empty |= part.may_be_empty;
      all.repetitions = std::max(all.repetitions, part.repetitions);
    } while (take('|'));
    all.text = fmt::format("({})", fmt::join(choices, " | "));
    return all;
  }

  Part sequence(bool at_top) {
    Part all{"", true};
    while (!at_end() && peek() != '|' && peek() != ')' && !(at_top && peek() == '$')) {
      const Part part = quantified(atom());
      all.text += (all.text.empty() ? "" : " ") + part.text;
      all.may_be_empty &= part.may_be_empty;
      all.repetitions = std::max(all.repetitions, part.repetitions);
    }
    if (all.text.empty()) all.text = "\"\"";
    return all;
  }

  Part atom() {
    const char32_t c = next();
    switch (c) {
      case '(':
        return group();
      case '[':
        return {character(char_class())};
      case '.':
        return {character(complement({{'\n', '\n'}, {'\r', '\r'}}))};
      case '\\':
        return {character(escape())};
      case '^':
      case '$':
        fail("an anchor inside");
      case '*':
      case '+':
      case '?':
      case '{':
        fail("a quantifier of nothing");
      default:
        return {character({{c, c}})};
    }
  }

  Part group() {
    if (++depth_ > kDeepestGroup) fail("so deep a group");
    if (take('?') && !take(':')) fail("a group that begins with '(?' other than '(?:'");
    Part part = alternatives();
    if (!take(')')) fail("'(' without ')'");
    --depth_;
    return part;
  }

  /// After the backslash.
  Ranges escape() {
    const char32_t c = next();
    if (const auto ranges = class_escape(c)) return *ranges;
    const char32_t single = single_escape(c);
    return {{single, single}};
  }

  char32_t single_escape(char32_t c) {
    switch (c) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'f':
        return '\f';
      case 'x':
        return hex(2);
      case 'u':
        return hex(4);
      default:
        break;
    }
    const bool is_word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (is_word) fail(fmt::format("'\\{}'", static_cast<char>(c)));
    return c;
  }

  /// After the opening bracket.
  Ranges char_class() {
    const bool negated = take('^');
    Ranges ranges;
    while (!take(']')) {
      const Ranges from = class_item();
      const bool is_range = peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']';
      if (!is_range) {
        ranges.insert(ranges.end(), from.begin(), from.end());
        continue;
      }
      ++at_;
      const Ranges to = class_item();
      const bool ordered = from.size() == 1 && to.size() == 1 && from[0].first <= to[0].last;
      if (!ordered) fail("such a range");
      ranges.push_back({from[0].first, to[0].last});
    }
    if (negated) ranges = complement(ranges);
    if (character(ranges).empty()) fail("a class of no character");
    return ranges;
  }

  Ranges class_item() {
    const char32_t c = next();
    if (c == '\\' && take('b')) return {{'\b', '\b'}};
    if (c == '\\') return escape();
    return {{c, c}};
  }

  Part quantified(Part part) {
    if (part.text.empty()) fail("a character that JSON text cannot hold");
    std::int64_t min = 0;
    std::optional<std::int64_t> max;
    if (take('+')) {
      min = 1;
    } else if (take('?')) {
      max = 1;
    } else if (take('{')) {
      min = number(gbnf::kMostRepetitions);
      max = min;
      if (take(','))
        max = peek() == '}' ? std::nullopt : std::optional(number(gbnf::kMostRepetitions));
      if (!take('}')) fail("such a quantifier");
      if (max && *max < min) fail("a quantifier whose second number is less");
    } else if (!take('*')) {
      return part;
    }
    take('?');  // A lazy quantifier matches the same strings.
    if (part.may_be_empty) fail("a quantifier of what may be empty");
    part.repetitions *= std::max<std::int64_t>(1, max.value_or(min));
    if (part.repetitions > gbnf::kMostRepetitions) {
      fail(fmt::format("more than {} repetitions", gbnf::kMostRepetitions));
    }
    part.may_be_empty = min == 0;
    part.text = gbnf::repeated(part.text, min, max, rules_);
    return part;
  }

  gbnf::Rules& rules_;
  int depth_ = 0;
};

}  // namespace

std::vector<Condition> pattern_conditions(std::string_view pattern, gbnf::Rules& rules) {
  return PatternParser(pattern, rules).parse();
}

}  // namespace citer
