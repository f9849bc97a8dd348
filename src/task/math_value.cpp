#include "task/math_value.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include <re2/re2.h>

#include "task/latex.h"
#include "task/text.h"

namespace citer {

namespace {

/// Longer texts are compared as they stand; bounds the work.
constexpr std::size_t kLongest = 1000;

std::optional<Rational> make_rational(std::int64_t numerator, std::int64_t denominator) {
  if (denominator == 0 || numerator == INT64_MIN || denominator == INT64_MIN) return std::nullopt;
  const std::int64_t divisor = std::gcd(numerator, denominator);
  const std::int64_t sign = denominator < 0 ? -1 : 1;
  return Rational{sign * numerator / divisor, sign * denominator / divisor};
}

/// Digits with an optional point, no sign.
std::optional<Rational> parse_decimal(std::string_view text) {
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;
  bool point = false;
  bool digits = false;
  // Zeros at the end of the fraction must not cost range.
  if (text.find('.') != std::string_view::npos) {
    while (text.ends_with('0')) text.remove_suffix(1);
  }
  for (const char c : text) {
    if (c == '.') {
      if (point) return std::nullopt;
      point = true;
      continue;
    }
    if (!is_digit(c)) return std::nullopt;
    digits = true;
    if (__builtin_mul_overflow(numerator, 10, &numerator) ||
        __builtin_add_overflow(numerator, c - '0', &numerator) ||
        (point && __builtin_mul_overflow(denominator, 10, &denominator))) {
      return std::nullopt;
    }
  }
  return digits ? make_rational(numerator, denominator) : std::nullopt;
}

std::optional<Rational> divide(const Rational& a, const Rational& b) {
  std::int64_t numerator = 0;
  std::int64_t denominator = 0;
  if (__builtin_mul_overflow(a.numerator, b.denominator, &numerator) ||
      __builtin_mul_overflow(a.denominator, b.numerator, &denominator)) {
    return std::nullopt;
  }
  return make_rational(numerator, denominator);
}

std::optional<Rational> add(const Rational& a, const Rational& b) {
  std::int64_t left = 0;
  std::int64_t right = 0;
  std::int64_t sum = 0;
  std::int64_t denominator = 0;
  if (__builtin_mul_overflow(a.numerator, b.denominator, &left) ||
      __builtin_mul_overflow(b.numerator, a.denominator, &right) ||
      __builtin_add_overflow(left, right, &sum) ||
      __builtin_mul_overflow(a.denominator, b.denominator, &denominator)) {
    return std::nullopt;
  }
  return make_rational(sum, denominator);
}

std::optional<Rational> parse_signed(std::string_view text) {
  const bool negative = text.starts_with('-');
  auto value = parse_decimal(negative ? text.substr(1) : text);
  if (value && negative) value->numerator = -value->numerator;
  return value;
}

/// Recursive descent over a constant expression; any failure makes the value NaN for good.
class ConstantParser {
 public:
  explicit ConstantParser(std::string_view text) : text_(text) {}

  std::optional<double> parse() {
    const double value = sum(0);
    if (at_ != text_.size() || !std::isfinite(value)) return std::nullopt;
    return value;
  }

 private:
  static constexpr int kMaxDepth = 40;

  double fail() {
    at_ = text_.size() + 1;
    return std::nan("");
  }
  bool peek(std::string_view token) const {
    return at_ <= text_.size() && text_.substr(at_).starts_with(token);
  }
  bool take(std::string_view token) {
    if (!peek(token)) return false;
    at_ += token.size();
    return true;
  }

  double sum(int depth) {
    if (depth > kMaxDepth) return fail();
    const bool negative = take("-");
    double value = product(depth);
    if (negative) value = -value;
    for (;;) {
      if (take("+")) {
        value += product(depth);
      } else if (take("-")) {
        value -= product(depth);
      } else {
        return value;
      }
    }
  }

  double product(int depth) {
    double value = power(depth);
    for (;;) {
      if (take("/")) {
        value /= power(depth);
      } else if (take("\\cdot") || starts_factor()) {
        value *= power(depth);
      } else {
        return value;
      }
    }
  }

  bool starts_factor() const {
    return peek("\\frac") || peek("\\sqrt") || peek("\\pi") || peek("(") || peek("{");
  }

  double power(int depth) {
    const double base = atom(depth);
    if (!take("^")) return base;
    if (peek("{")) return std::pow(base, group("{", "}", depth));
    if (at_ < text_.size() && is_digit(text_[at_])) return std::pow(base, text_[at_++] - '0');
    return fail();
  }

  double group(std::string_view open, std::string_view close, int depth) {
    if (!take(open)) return fail();
    const double value = sum(depth + 1);
    return take(close) ? value : fail();
  }

  double atom(int depth) {
    if (take("\\pi")) return std::numbers::pi;
    if (take("\\frac")) {
      const double numerator = group("{", "}", depth);
      return numerator / group("{", "}", depth);
    }
    if (take("\\sqrt")) {
      const double degree = peek("[") ? group("[", "]", depth) : 2.0;
      const double value = group("{", "}", depth);
      return degree == 2.0 ? std::sqrt(value) : std::pow(value, 1.0 / degree);
    }
    const bool round = peek("(");
    if (round || peek("{")) return group(round ? "(" : "{", round ? ")" : "}", depth);
    return number();
  }

  double number() {
    std::size_t end = at_;
    while (end < text_.size() && (is_digit(text_[end]) || text_[end] == '.')) ++end;
    const auto value = parse_decimal(at_ < end ? text_.substr(at_, end - at_) : "");
    if (!value) return fail();
    at_ = end;
    return static_cast<double>(value->numerator) / static_cast<double>(value->denominator);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// An answer of several parts.
struct Parts {
  char open = 0;  ///< '(' or '[' for tuples and intervals, '{' for sets and bare lists
  char close = 0;
  std::vector<std::string_view> items;
};

std::vector<std::string_view> split_top_level(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> out;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '(' || c == '[' || c == '{') ++depth;
    if (c == ')' || c == ']' || c == '}') --depth;
    if (depth == 0 && text.substr(at).starts_with(separator)) {
      out.push_back(text.substr(begin, at - begin));
      begin = at + separator.size();
      at = begin - 1;
    }
  }
  out.push_back(text.substr(begin));
  return out;
}

/// Whether the bracket at the start is closed by the one at the end.
bool wrapped(std::string_view text) {
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '(' || text[at] == '[' || text[at] == '{') ++depth;
    if (text[at] == ')' || text[at] == ']' || text[at] == '}') --depth;
    if (depth == 0) return at + 1 == text.size();
  }
  return false;
}

Parts split_parts(std::string_view text) {
  if (text.starts_with("\\{") && text.ends_with("\\}") && text.size() >= 4) {
    return {'{', '}', split_top_level(text.substr(2, text.size() - 4), ",")};
  }
  const bool bracket = text.size() >= 2 && (text.front() == '(' || text.front() == '[') &&
                       (text.back() == ')' || text.back() == ']') && wrapped(text);
  if (bracket) {
    Parts parts{text.front(), text.back(), split_top_level(text.substr(1, text.size() - 2), ",")};
    if (parts.items.size() > 1) return parts;
  }
  return {'{', '}', split_top_level(text, ",")};
}

std::vector<std::string> normalized(const std::vector<std::string_view>& items) {
  std::vector<std::string> out;
  out.reserve(items.size());
  for (const std::string_view item : items) out.push_back(normalize_math(item));
  return out;
}

bool same_in_order(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_math_answer);
}

bool same_in_any_order(const std::vector<std::string>& a, std::vector<std::string> b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.begin(), a.end(), [&](const std::string& item) {
    const auto found = std::find_if(b.begin(), b.end(), [&](const std::string& other) {
      return same_math_answer(item, other);
    });
    if (found == b.end()) return false;
    b.erase(found);
    return true;
  });
}

bool same_parts(std::string_view gold, std::string_view given) {
  const auto gold_union = split_top_level(gold, "\\cup");
  if (gold_union.size() > 1) {
    return same_in_any_order(normalized(gold_union), normalized(split_top_level(given, "\\cup")));
  }
  const Parts a = split_parts(gold);
  const Parts b = split_parts(given);
  if (a.items.front() == gold && b.items.front() == given) return false;  // nothing to take apart
  if (a.open != b.open || a.close != b.close) return false;
  return a.open == '{' ? same_in_any_order(normalized(a.items), normalized(b.items))
                       : same_in_order(normalized(a.items), normalized(b.items));
}

bool same_words(std::string_view gold, std::string_view given) {
  const auto is_word_char = [](char c) { return is_letter(c) || c == '-' || c == '\''; };
  return gold.size() > 1 && std::all_of(gold.begin(), gold.end(), is_word_char) &&
         lower(gold) == lower(given);
}

}  // namespace

std::optional<Rational> parse_rational(std::string_view normalized) {
  if (normalized.size() > 100) return std::nullopt;
  static const RE2 kFraction(
      R"((-?)(\d*)\\frac\{(-?[\d.]+)\}\{(-?[\d.]+)\}|(-?[\d.]+)/(-?[\d.]+))");
  std::string sign;
  std::string whole;
  std::string numerator;
  std::string denominator;
  std::string plain_numerator;
  std::string plain_denominator;
  if (!RE2::FullMatch(normalized, kFraction, &sign, &whole, &numerator, &denominator,
                      &plain_numerator, &plain_denominator)) {
    return parse_signed(normalized);
  }
  const auto top = parse_signed(numerator + plain_numerator);
  const auto bottom = parse_signed(denominator + plain_denominator);
  auto value = top && bottom ? divide(*top, *bottom) : std::nullopt;
  if (value && !whole.empty()) {
    const auto integer = parse_decimal(whole);
    value = integer ? add(*integer, *value) : std::nullopt;
  }
  if (value && !sign.empty()) value->numerator = -value->numerator;
  return value;
}

std::optional<double> evaluate_constant(std::string_view normalized) {
  if (normalized.size() > kLongest) return std::nullopt;
  return ConstantParser(replace_all(normalized, "\\cdot ", "\\cdot")).parse();
}

bool same_math_answer(std::string_view gold, std::string_view given) {
  if (gold == given) return true;
  if (gold.size() > kLongest || given.size() > kLongest) return false;
  const auto gold_literal = parse_rational(gold);
  const auto given_literal = parse_rational(given);
  if (gold_literal && given_literal) return *gold_literal == *given_literal;
  // "9*2" is not the answer 18 yet: an expression stands only for an expression.
  if (gold_literal || given_literal) return false;
  const auto gold_value = evaluate_constant(gold);
  const auto given_value = evaluate_constant(given);
  if (gold_value && given_value) {
    const double scale = std::max({1.0, std::abs(*gold_value), std::abs(*given_value)});
    return std::abs(*gold_value - *given_value) <= 1e-9 * scale;
  }
  return same_words(gold, given) || same_parts(gold, given);
}

}  // namespace citer
