#include "grammar/grammar_text.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "citer/error.h"

namespace citer::gbnf {

namespace {

std::string digit_class(char from, char to) {
  if (from == to) return fmt::format("\"{}\"", from);
  return from == '0' && to == '9' ? "[0-9]" : fmt::format("[{}-{}]", from, to);
}

std::string sequence(const std::string& first, const std::string& rest) {
  return rest.empty() ? first : fmt::format("{} {}", first, rest);
}

/// Digits from `low` to `high`, which are equally long; "" for no digits.
std::string same_length(std::string_view low, std::string_view high) {
  if (low.empty()) return "";
  const std::size_t n = low.size() - 1;
  if (low == std::string(n + 1, '0') && high == std::string(n + 1, '9')) {
    return n == 0 ? "[0-9]" : fmt::format("[0-9]{{{}}}", n + 1);
  }
  const std::string_view low_rest = low.substr(1);
  const std::string_view high_rest = high.substr(1);
  if (low[0] == high[0]) {
    return sequence(fmt::format("\"{}\"", low[0]), same_length(low_rest, high_rest));
  }
  // What begins as `low` does, what begins as `high` does, and all between.
  std::vector<std::string> choices;
  char from = low[0];
  char to = high[0];
  const std::string zeros(n, '0');
  const std::string nines(n, '9');
  if (low_rest != zeros) {
    choices.push_back(sequence(digit_class(from, from), same_length(low_rest, nines)));
    ++from;
  }
  const bool cut_above = high_rest != nines;
  if (cut_above) --to;
  if (from <= to) choices.push_back(sequence(digit_class(from, to), same_length(zeros, nines)));
  if (cut_above) {
    choices.push_back(sequence(digit_class(high[0], high[0]), same_length(zeros, high_rest)));
  }
  return choice(choices);
}

}  // namespace

std::string literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += c;
    }
  }
  return out + "\"";
}

std::string class_char(char32_t c) {
  const bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  if (is_plain) return {static_cast<char>(c)};
  return fmt::format("\\U{:08X}", static_cast<std::uint32_t>(c));
}

std::string class_of(const Ranges& ranges) {
  std::string text;
  for (const Range& range : ranges) {
    text += class_char(range.first);
    if (range.last != range.first) text += "-" + class_char(range.last);
  }
  return "[" + text + "]";
}

std::string choice(const std::vector<std::string>& pieces) {
  if (pieces.size() == 1) return pieces.front();
  return fmt::format("({})", fmt::join(pieces, " | "));
}

std::string Rules::fresh_name(const std::string& hint) {
  std::string name;
  for (const char c : hint.substr(0, 32)) {
    const bool is_plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += is_plain ? c : '-';
  }
  spend(1);
  return fmt::format("{}-{}", name, ++names_);
}

void Rules::set(const std::string& name, const std::string& body) {
  text_ += fmt::format("{} ::= {}\n", name, body);
}

std::string Rules::add(const std::string& hint, const std::string& body) {
  std::string name = fresh_name(hint);
  set(name, body);
  return name;
}

void Rules::spend(std::int64_t cost) {
  left_ -= cost;
  if (left_ < 0) throw UsageError("json_schema: the schema is too large");
}

std::string repeated(const std::string& piece, std::int64_t min, std::optional<std::int64_t> max,
                     Rules& rules) {
  rules.spend(std::max(min, max.value_or(0)));
  if (max == 0) return "\"\"";
  if (min == 1 && max == 1) return piece;
  std::string count = fmt::format("{{{},{}}}", min, max ? fmt::format("{}", *max) : "");
  if (min == 0 && !max) count = "*";
  if (min == 1 && !max) count = "+";
  if (min == 0 && max == 1) count = "?";
  if (min == max) count = fmt::format("{{{}}}", min);
  const bool is_one_symbol = piece.find_first_of(" *+?}") == std::string::npos;
  return is_one_symbol ? piece + count : fmt::format("({}){}", piece, count);
}

std::string natural_numbers(std::int64_t low, std::optional<std::int64_t> high) {
  std::vector<std::string> choices;
  std::string from = fmt::format("{}", low);
  const std::string to = high ? fmt::format("{}", *high) : std::string(kMostDigits, '9');
  // One choice for each number of digits.
  while (from.size() < to.size()) {
    const bool all_longer = !high && from == "1" + std::string(from.size() - 1, '0');
    if (all_longer) break;
    choices.push_back(same_length(from, std::string(from.size(), '9')));
    from = "1" + std::string(from.size(), '0');
  }
  if (from.size() < to.size()) {
    choices.push_back(fmt::format("[1-9] [0-9]{{{},{}}}", from.size() - 1, kMostDigits - 1));
  } else {
    choices.push_back(same_length(from, to));
  }
  return fmt::format("({})", fmt::join(choices, " | "));
}

std::string_view json_rules() {
  // A surrogate is only written as half of a pair: parsers refuse a lone one. Exponents have two
  // digits: no number overflows a double.
  return R"gbnf(
value ::= object | array | string | number | boolean | null
object ::= "{" ws (member ("," ws member)* ws)? "}"
member ::= string ":" ws value
array ::= "[" ws (value ("," ws value)* ws)? "]"
string ::= "\"" char* "\""
char ::= plain | "\\" (["\\/bfnrt] | "u" unit)
plain ::= [^"\\\x7F\x00-\x1F]
unit ::= [0-9a-cA-CefEF] hex{3} | [dD] [0-7] hex{2} | [dD] [89abAB] hex{2} "\\u" [dD] [c-fC-F] hex{2}
hex ::= [0-9a-fA-F]
integer ::= "-"? ("0" | [1-9] [0-9]{0,15})
number ::= integer ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?
boolean ::= "true" | "false"
null ::= "null"
date ::= year "-" ("02-" ("0" [1-9] | [12] [0-9]) | ("04" | "06" | "09" | "11") "-" (day | "30") | ("01" | "03" | "05" | "07" | "08" | "10" | "12") "-" (day | "3" [01]))
year ::= [0-9]{4}
day ::= "0" [1-9] | [12] [0-9]
time ::= hours ":" sixty ":" sixty ("." [0-9]{1,9})? ("Z" | [-+] hours ":" sixty)
hours ::= [01] [0-9] | "2" [0-3]
sixty ::= [0-5] [0-9]
date-time ::= date "T" time
duration ::= "P" (days ("T" clock)? | "T" clock | count "W")
days ::= count ("D" | "M" (count "D")? | "Y" (count "M" (count "D")?)?)
clock ::= count ("S" | "M" (count "S")? | "H" (count "M" (count "S")?)?)
count ::= [0-9]{1,4}
email ::= word ("." word){0,3} "@" label ("." label){0,3} "." [A-Za-z]{2,12}
word ::= [A-Za-z0-9] ([A-Za-z0-9_+-]{0,30} [A-Za-z0-9])?
hostname ::= label ("." label){0,3}
label ::= [A-Za-z0-9] ([A-Za-z0-9-]{0,30} [A-Za-z0-9])?
ipv4 ::= byte "." byte "." byte "." byte
byte ::= [0-9] | [1-9] [0-9] | "1" [0-9]{2} | "2" ([0-4] [0-9] | "5" [0-5])
ipv6 ::= (group ":"){7} group | (group ":"){1,5} (":" group){1,2} | "::" (group ":"){0,4} group
group ::= hex{1,4}
uri ::= [A-Za-z] [A-Za-z0-9+.-]{1,15} ":" ("//" hostname (":" [1-9] [0-9]{0,3})?)? uri-char*
uri-char ::= [A-Za-z0-9/?#@!$&'()*+,;=:._~-] | "%" hex{2}
uuid ::= hex{8} "-" hex{4} "-" hex{4} "-" hex{4} "-" hex{12}
ws ::= (" " | "\n" [ \t]{0,16})?
)gbnf";
}

}  // namespace citer::gbnf
