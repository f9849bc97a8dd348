#include "task/symbols.h"

#include <array>
#include <utility>

#include <re2/re2.h>

#include "task/text.h"

namespace citer {

namespace {

using Symbol = std::pair<std::string_view, std::string_view>;

constexpr Symbol kSymbols[] = {
    {"−", "-"},         {"–", "-"},        {"×", "\\times "}, {"·", "\\cdot "},  {"⋅", "\\cdot "},
    {"÷", "/"},         {"⁄", "/"},        {"π", "\\pi "},    {"√", "\\sqrt "},  {"∞", "\\infty "},
    {"°", "\\degree "}, {"≤", "\\leq "},   {"≥", "\\geq "},   {"≠", "\\neq "},   {"∪", "\\cup "},
    {"∈", "\\in "},     {"±", "\\pm "},    {"∓", "\\mp "},    {"θ", "\\theta "}, {"½", "\\frac12"},
    {"¼", "\\frac14"},  {"¾", "\\frac34"}, {"⅓", "\\frac13"}, {"⅔", "\\frac23"}, {"\u00a0", " "},
    {"\u2009", " "},    {"\u202f", " "},   {"€", ""},         {"£", ""},         {"’", "'"},
    {"**", "^"},        {"!=", "\\neq "},  {"==", "="},       {"≈", "\\approx "}};

constexpr Symbol kRaised[] = {{"⁰", "0"}, {"¹", "1"}, {"²", "2"}, {"³", "3"},
                              {"⁴", "4"}, {"⁵", "5"}, {"⁶", "6"}, {"⁷", "7"},
                              {"⁸", "8"}, {"⁹", "9"}, {"⁻", "-"}};

/// "x¹²" -> "x^{12}".
std::string lower_exponents(const std::string& text) {
  std::string out;
  bool raised = false;
  for (std::size_t at = 0; at < text.size();) {
    const Symbol* found = nullptr;
    for (const Symbol& symbol : kRaised) {
      if (text.compare(at, symbol.first.size(), symbol.first) == 0) found = &symbol;
    }
    if ((found != nullptr) != raised) {
      out += raised ? "}" : "^{";
      raised = !raised;
    }
    out += found != nullptr ? found->second : std::string_view(text).substr(at, 1);
    at += found != nullptr ? found->first.size() : 1;
  }
  return raised ? out + "}" : out;
}

}  // namespace

std::string in_latex(std::string_view text) {
  std::string out(text);
  for (const auto& [from, to] : kSymbols) {
    if (out.find(from) != std::string::npos) out = replace_all(out, from, to);
  }
  out = lower_exponents(out);
  // LaTeX that was escaped twice, as in JSON; in a matrix "\\\\" ends a row.
  static const RE2 kEscapedTwice(R"(\\\\([A-Za-z]))");
  if (out.find("\\begin") == std::string::npos) RE2::GlobalReplace(&out, kEscapedTwice, R"(\\\1)");
  static const RE2 kPlainNames(
      R"((^|[^\\A-Za-z])(sqrt|pi|sin|cos|tan|ln|log|exp|arcsin|arccos|arctan)\b)");
  static const RE2 kInfinity(R"((^|[^\\A-Za-z])inf(?:inity|ty)?\b)");
  RE2::GlobalReplace(&out, kPlainNames, R"(\1\\\2 )");
  RE2::GlobalReplace(&out, kInfinity, R"(\1\\infty )");
  static const RE2 kOrAnd(R"(([^\s,]),?\s+(?:or|and)\s+)");
  RE2::GlobalReplace(&out, kOrAnd, R"(\1, )");
  static const RE2 kCloseOrAnd(R"(([\d)\]}])(?:or|and)([\d(\[{\\A-Z-]))");
  RE2::GlobalReplace(&out, kCloseOrAnd, R"(\1, \2)");
  return out;
}

}  // namespace citer
