#include "task/latex.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <re2/re2.h>

#include "task/number_words.h"
#include "task/symbols.h"
#include "task/text.h"

namespace citer {

namespace {

/// A command ("\frac"), an escaped character ("\{"), a single space for any white space, or a byte.
using Token = std::string;
using Tokens = std::vector<Token>;

constexpr std::size_t kNone = std::string::npos;

Tokens tokenize(std::string_view text) {
  Tokens out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    if (text[at] == '\\' && end < text.size()) {
      if (is_letter(text[end])) {
        while (end < text.size() && is_letter(text[end])) ++end;
      } else {
        ++end;
      }
      out.emplace_back(text.substr(at, end - at));
    } else if (is_space(text[at])) {
      while (end < text.size() && is_space(text[end])) ++end;
      out.emplace_back(" ");
    } else {
      out.emplace_back(1, text[at]);
    }
    at = end;
  }
  return out;
}

bool is_command(const Token& token) {
  return token.size() > 1 && token.front() == '\\' && is_letter(token[1]);
}

/// Keeps a command apart from a letter that follows it.
std::string join(const Tokens& tokens) {
  std::string out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0 && is_command(tokens[i - 1]) && is_letter(tokens[i].front())) out += ' ';
    out += tokens[i];
  }
  return out;
}

const Token& at(const Tokens& tokens, std::size_t i) {
  static const Token kEnd;
  return i < tokens.size() ? tokens[i] : kEnd;
}

bool digit_at(const Tokens& tokens, std::size_t i) {
  const Token& token = at(tokens, i);
  return token.size() == 1 && is_digit(token.front());
}

/// Index of the token that closes the group opened at `open`, or kNone.
std::size_t closing(const Tokens& tokens, std::size_t open, const Token& opener = "{",
                    const Token& closer = "}") {
  int depth = 0;
  for (std::size_t i = open; i < tokens.size(); ++i) {
    if (tokens[i] == opener) ++depth;
    if (tokens[i] == closer && --depth == 0) return i;
  }
  return kNone;
}

/// Drops what only lays out, and gives commands with several names one.
Tokens rename_and_drop(const Tokens& tokens) {
  static const std::set<Token> kDropped = {"\\left",      "\\right",
                                           "\\big",       "\\Big",
                                           "\\bigg",      "\\Bigg",
                                           "\\bigl",      "\\bigr",
                                           "\\Bigl",      "\\Bigr",
                                           "\\!",         "\\(",
                                           "\\)",         "\\[",
                                           "\\]",         "$",
                                           "\\$",         "%",
                                           "\\%",         "\\boxed",
                                           "\\fbox",      "\\displaystyle",
                                           "\\textstyle", "\\limits",
                                           "\\angle",     "\\triangle"};
  static const std::map<Token, Token> kRenamed = {{"\\dfrac", "\\frac"},
                                                  {"\\tfrac", "\\frac"},
                                                  {"\\cfrac", "\\frac"},
                                                  {"\\le", "\\leq"},
                                                  {"\\lt", "<"},
                                                  {"\\gt", ">"},
                                                  {"\\ge", "\\geq"},
                                                  {"\\ne", "\\neq"},
                                                  {"\\times", "\\cdot"},
                                                  {"*", "\\cdot"},
                                                  {"\\div", "/"},
                                                  {"\\lbrace", "\\{"},
                                                  {"\\rbrace", "\\}"},
                                                  {"\\,", " "},
                                                  {"\\;", " "},
                                                  {"\\:", " "},
                                                  {"\\ ", " "},
                                                  {"\\>", " "},
                                                  {"~", " "},
                                                  {"\\quad", " "},
                                                  {"\\qquad", " "},
                                                  {"\\dots", "\\ldots"},
                                                  {"\\cdots", "\\ldots"}};
  Tokens out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == "," && at(tokens, i + 1) == "\\!") {  // "11,\! 111"
      out.emplace_back(",");
      while (at(tokens, i + 1) == "\\!" || at(tokens, i + 1) == " ") ++i;
      continue;
    }
    if (kDropped.count(tokens[i]) != 0) continue;
    if (tokens[i] == "{" && at(tokens, i + 1) == "," && at(tokens, i + 2) == "}") {
      out.emplace_back(",");
      i += 2;
      continue;
    }
    const auto renamed = kRenamed.find(tokens[i]);
    out.push_back(renamed == kRenamed.end() ? tokens[i] : renamed->second);
  }
  return out;
}

/// The height of a gap after a row of a matrix: "\\[4pt]".
Tokens drop_row_gaps(const Tokens& tokens) {
  Tokens out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    out.push_back(tokens[i]);
    if (tokens[i] != "\\\\" || at(tokens, i + 1) != "[") continue;
    const std::size_t close = closing(tokens, i + 1, "[", "]");
    if (close != kNone) i = close;
  }
  return out;
}

/// Without the label of a choice in front of its value: "\textbf{(C)}\ 12", "(C) 12".
std::string without_label(const std::string& text) {
  static const RE2 kSetApart(
      R"(^\\(?:text|textbf|mathrm|mathbf|textrm|mbox)\s*\{\s*\(?[A-Z]\)\s*\}[~\s]*(?:\\[ ,;:]|\\q?quad)?\s*(\S.*)$)");
  static const RE2 kPlain(R"(^\(?[A-Z]\)\s+([-$]?[\d.].*)$)");
  std::string value;
  const bool labelled =
      RE2::FullMatch(text, kSetApart, &value) || RE2::FullMatch(text, kPlain, &value);
  return labelled ? value : text;
}

const std::set<std::string, std::less<>>& short_units() {
  static const std::set<std::string, std::less<>> kUnits = {
      "m",  "g",  "s",  "h",  "L",  "cm", "mm", "km", "kg", "mg", "ml",
      "mL", "ft", "in", "lb", "oz", "hr", "mi", "yd", "am", "pm"};
  return kUnits;
}

/// A word after a number that measures it; single letters and pairs only from a list, as they may
/// be variables.
bool is_unit(std::string_view word) {
  std::size_t letters = 0;
  while (letters < word.size() && is_letter(word[letters])) ++letters;
  return letters >= 3 || short_units().count(word.substr(0, letters)) != 0;
}

bool blank(const Tokens& tokens) {
  return std::all_of(tokens.begin(), tokens.end(), [](const Token& t) { return t == " "; });
}

/// End of an exponent that starts at `i` ("^2", "^{2}"), or `i` when there is none.
std::size_t skip_exponent(const Tokens& tokens, std::size_t i) {
  if (at(tokens, i) != "^") return i;
  if (at(tokens, i + 1) != "{") return std::min(i + 2, tokens.size());
  const std::size_t close = closing(tokens, i + 1);
  return close == kNone ? tokens.size() : close + 1;
}

/// \text{...} and its kin: a unit after a number goes away with its exponent, " or " becomes a
/// comma, any other text stays without its wrapper.
Tokens unwrap_text(const Tokens& tokens) {
  static const std::set<Token> kText = {"\\text",         "\\mbox",      "\\mathrm", "\\textrm",
                                        "\\textbf",       "\\mathbf",    "\\textit", "\\mathit",
                                        "\\operatorname", "\\textnormal"};
  Tokens out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (kText.count(tokens[i]) == 0) {
      out.push_back(tokens[i]);
      continue;
    }
    std::size_t open = i + 1;
    while (at(tokens, open) == " ") ++open;
    const std::size_t close = at(tokens, open) == "{" ? closing(tokens, open) : kNone;
    if (close == kNone) continue;
    const std::string content = [&] {
      std::string text;
      for (std::size_t k = open + 1; k < close; ++k) text += tokens[k];
      return std::string(trim(text));
    }();
    i = close;
    if (content == "or" || content == "and") {
      out.emplace_back(",");
    } else if (!blank(out) && is_unit(content)) {
      i = skip_exponent(tokens, close + 1) - 1;
    } else {
      out.insert(out.end(), tokens.begin() + static_cast<std::ptrdiff_t>(open) + 1,
                 tokens.begin() + static_cast<std::ptrdiff_t>(close));
    }
  }
  return out;
}

Tokens drop_degrees(const Tokens& tokens) {
  Tokens out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == "\\degree") continue;
    if (tokens[i] == "^" && (at(tokens, i + 1) == "\\circ" || at(tokens, i + 1) == "\\degree")) {
      ++i;
    } else if (tokens[i] == "^" && at(tokens, i + 1) == "{" && at(tokens, i + 2) == "\\circ" &&
               at(tokens, i + 3) == "}") {
      i += 3;
    } else {
      out.push_back(tokens[i]);
    }
  }
  return out;
}

/// "18 dollars per day" -> "18", "5 cm^2" -> "5".
std::string drop_plain_unit(const std::string& text) {
  static const RE2 kUnit(R"((?s)(.*[0-9})\]])(\s*)([A-Za-z][A-Za-z ./]*?)(?:\^\{?[23]\}?)?[\s.]*)");
  std::string number;
  std::string space;
  std::string words;
  if (!RE2::FullMatch(text, kUnit, &number, &space, &words)) return text;
  const std::string word = words.substr(0, words.find_first_of(" ./"));
  const bool listed = word.size() > 1 && short_units().count(word) != 0;
  return listed || (!space.empty() && is_unit(word)) ? number : text;
}

/// Reads a whole number at `i` with its thousands separators (a comma or a space before groups of
/// three digits); moves `i` past it.
std::string grouped_digits(const Tokens& tokens, std::size_t& i) {
  std::string digits;
  while (digit_at(tokens, i)) digits += tokens[i++];
  const auto is_group = [&](std::size_t k) {
    return (at(tokens, k) == "," || at(tokens, k) == " ") && digit_at(tokens, k + 1) &&
           digit_at(tokens, k + 2) && digit_at(tokens, k + 3) && !digit_at(tokens, k + 4);
  };
  if (digits.size() > 3) return digits;
  for (; is_group(i); i += 4) digits += tokens[i + 1] + tokens[i + 2] + tokens[i + 3];
  return digits;
}

/// "1 1/2" -> "1\frac{1}{2}". Returns whether one began at `i`, which is then moved past it.
bool take_mixed(const Tokens& tokens, std::size_t& i, std::string& out) {
  const auto digits = [&](std::size_t& k) {
    std::string run;
    while (digit_at(tokens, k)) run += tokens[k++];
    return run;
  };
  std::size_t k = i;
  const std::string whole = digits(k);
  if (whole.empty() || at(tokens, k) != " ") return false;
  ++k;
  const std::string numerator = digits(k);
  if (numerator.empty() || at(tokens, k) != "/") return false;
  ++k;
  const std::string denominator = digits(k);
  if (denominator.empty()) return false;
  out = whole + "\\frac{" + numerator + "}{" + denominator + "}";
  i = k;
  return true;
}

/// Joins the digits of each number, outside brackets across thousands separators; gives ".5" its
/// zero; drops white space except between two numbers.
std::string join_numbers(const Tokens& tokens) {
  Tokens out;
  int depth = 0;
  for (std::size_t i = 0; i < tokens.size();) {
    if (digit_at(tokens, i) && depth == 0) {
      std::string number;
      if (!take_mixed(tokens, i, number)) number = grouped_digits(tokens, i);
      out.push_back(number);
      continue;
    }
    const Token& token = tokens[i];
    if (token == "(" || token == "[" || token == "\\{") ++depth;
    if (token == ")" || token == "]" || token == "\\}") --depth;
    const bool last_digit = !out.empty() && is_digit(out.back().back());
    if (token == "." && digit_at(tokens, i + 1)) {
      out.emplace_back(last_digit ? "." : "0.");
      for (++i; digit_at(tokens, i); ++i) out.push_back(tokens[i]);
      continue;
    }
    if (token == "," && depth == 0 && last_digit) {
      out.emplace_back(", ");  // so that a list never reads as a grouped number
    } else if (token != " " || (last_digit && digit_at(tokens, i + 1))) {
      out.push_back(token);
    }
    ++i;
  }
  return join(out);
}

/// Braces around the arguments of \frac and \sqrt where TeX allows to leave them out; none around
/// single exponents and indices.
class ArgumentWriter {
 public:
  explicit ArgumentWriter(const Tokens& tokens) : tokens_(tokens) {}

  Tokens write() {
    while (at_ < tokens_.size()) {
      const Token& token = tokens_[at_++];
      out_.push_back(token);
      if (token == "\\frac") {
        argument();
        argument();
      } else if (token == "\\sqrt") {
        degree();
        argument();
      } else if (token == "^" || token == "_") {
        unwrap_single();
      }
    }
    return std::move(out_);
  }

 private:
  void skip_space() {
    while (at(tokens_, at_) == " ") ++at_;
  }

  void argument() {
    skip_space();
    if (at_ >= tokens_.size() || tokens_[at_] == "{") return copy_group("{", "}");
    if (tokens_[at_] == "(") return copy_group("(", ")");
    out_.insert(out_.end(), {"{", tokens_[at_++], "}"});
  }

  /// Copies a group, in braces; what is in it is written by the same rules.
  void copy_group(const Token& opener, const Token& closer) {
    const std::size_t close = at_ < tokens_.size() ? closing(tokens_, at_, opener, closer) : kNone;
    if (close == kNone) return;
    const auto first = tokens_.begin() + static_cast<std::ptrdiff_t>(at_) + 1;
    const Tokens inside(first, tokens_.begin() + static_cast<std::ptrdiff_t>(close));
    const Tokens written = ArgumentWriter(inside).write();
    out_.emplace_back("{");
    out_.insert(out_.end(), written.begin(), written.end());
    out_.emplace_back("}");
    at_ = close + 1;
  }

  void degree() {
    skip_space();
    if (at(tokens_, at_) != "[") return;
    const std::size_t close = closing(tokens_, at_, "[", "]");
    if (close == kNone) return;
    while (at_ <= close) out_.push_back(tokens_[at_++]);
  }

  void unwrap_single() {
    skip_space();
    if (at(tokens_, at_) != "{" || at(tokens_, at_ + 2) != "}") return;
    out_.push_back(tokens_[at_ + 1]);
    at_ += 3;
  }

  const Tokens& tokens_;
  std::size_t at_ = 0;
  Tokens out_;
};

/// "{5}" -> "5", "(B)" -> "B", "x=5" -> "5", "a/b" -> "\frac{a}{b}", "5." -> "5", "+5" -> "5".
bool strip_once(std::string& text) {
  static const RE2 kEdges(R"(^[=+:]+(.+)$)");
  static const RE2 kTail(R"(^(.*[^.,;:/])[.,;:/]+$)");
  static const RE2 kWrapped(R"(^\{([^{}]*)\}$|^\(([A-Za-z]|-?[0-9.]+)\)$)");
  // An equation with other letters on its right ("y = 2x + 3") stays one.
  static const RE2 kVariable(
      R"(^(?:[A-Za-z]|\\[a-z]+)(?:_(?:\w|\{\w+\}))?(?:\([A-Za-z]\))?(?:=((?:[^=A-Za-z\\]|\\[A-Za-z]+)+)|\\in ?([^=]+))$)");
  static const RE2 kSlash(R"(^(-?)(\d+|[A-Za-z]|\\pi)/(\d+|[A-Za-z])$)");
  static const RE2 kInnerSlash(R"((^|[^A-Za-z0-9.^/)}])(\d+)/(\d+)($|[^A-Za-z0-9.^/(]))");
  std::string first;
  std::string second;
  if (RE2::FullMatch(text, kEdges, &first) || RE2::FullMatch(text, kTail, &first) ||
      RE2::FullMatch(text, kVariable, &first, &second)) {
    text = first + second;
    return true;
  }
  if (RE2::FullMatch(text, kWrapped, &first, &second)) {
    text = first + second;
    return true;
  }
  return RE2::Replace(&text, kSlash, R"(\1\\frac{\2}{\3})") ||
         RE2::Replace(&text, kInnerSlash, R"(\1\\frac{\2}{\3}\4)");
}

std::string normalize_once(std::string_view text) {
  Tokens tokens = tokenize(without_label(in_latex(trim(text))));
  tokens = drop_degrees(unwrap_text(rename_and_drop(drop_row_gaps(tokens))));
  tokens = tokenize(drop_plain_unit(std::string(trim(join(tokens)))));
  tokens = tokenize(join_numbers(ArgumentWriter(tokens).write()));
  std::string out = join(tokens);
  while (strip_once(out)) {
  }
  return out;
}

}  // namespace

std::string normalize_math(std::string_view text) {
  constexpr std::size_t kLongest = 1000;  // no answer is longer; bounds the work
  if (text.size() > kLongest) return std::string(trim(text));
  if (const auto number = number_in_words(text)) return *number;
  std::string out = normalize_once(text);
  // A rule can open the way for another ("$(5)$."); each round shortens or settles the text.
  for (int round = 0; round < 4; ++round) {
    std::string next = normalize_once(out);
    if (next == out) break;
    out = std::move(next);
  }
  return number_in_words(out).value_or(out);
}

}  // namespace citer
