#include "task/expression.h"

#include <algorithm>
#include <array>
#include <exception>
#include <set>

#include "task/text.h"

namespace citer {

namespace {

using Kind = Expression::Kind;
using Names = std::set<std::string, std::less<>>;

constexpr std::size_t kLongest = 1000;
constexpr int kDeepest = 40;

/// Thrown within this file where the text is no formula.
struct NoFormula : std::exception {};

const Names& symbol_commands() {
  static const Names kSymbols = {
      "\\pi",       "\\infty", "\\alpha",  "\\beta", "\\gamma", "\\delta", "\\epsilon",
      "\\theta",    "\\ell",   "\\lambda", "\\mu",   "\\nu",    "\\rho",   "\\sigma",
      "\\tau",      "\\phi",   "\\varphi", "\\psi",  "\\omega", "\\Delta", "\\Omega",
      "\\emptyset", "\\xi",    "\\eta",    "\\zeta", "\\kappa"};
  return kSymbols;
}

const Names& function_commands() {
  static const Names kFunctions = {"\\sin",  "\\cos",    "\\tan",    "\\cot",    "\\sec",
                                   "\\csc",  "\\arcsin", "\\arccos", "\\arctan", "\\sinh",
                                   "\\cosh", "\\tanh",   "\\ln",     "\\log",    "\\exp"};
  return kFunctions;
}

template <class... Parts>
Expression make(Kind kind, std::string name, Parts... parts) {
  Expression out{kind, std::move(name)};
  (out.arguments.push_back(std::move(parts)), ...);
  return out;
}

Expression number_of(std::string digits, int scale = 0) {
  return {Kind::kNumber, std::move(digits), {}, scale};
}

/// `out` and `part` under one node of `kind`.
Expression appended(Kind kind, Expression out, Expression part) {
  if (out.kind != kind) return make(kind, "", std::move(out), std::move(part));
  out.arguments.push_back(std::move(part));
  return out;
}

/// Recursive descent; every function throws NoFormula. White space parts tokens, no more.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Expression parse() {
    Expression out = only_item(list());
    if (next() != '\0') throw NoFormula();
    return out;
  }

 private:
  class Nested {
   public:
    explicit Nested(int& depth) : depth_(depth) {
      if (depth_ >= kDeepest) throw NoFormula();
      ++depth_;
    }
    ~Nested() { --depth_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    int& depth_;
  };

  char next() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (next() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) throw NoFormula();
  }
  /// The command at hand ("\frac", "\{"), or nothing.
  std::string_view command() {
    if (next() != '\\') return {};
    std::size_t end = at_ + 1;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    if (end == at_ + 1) end = std::min(end + 1, text_.size());
    return text_.substr(at_, end - at_);
  }
  bool take_command(std::string_view wanted) {
    if (command() != wanted) return false;
    at_ += wanted.size();
    return true;
  }
  std::string digits() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }
  static Expression only_item(Expression list) {
    if (list.kind != Kind::kList || list.arguments.size() != 1) return list;
    Expression only = std::move(list.arguments.front());
    return only;
  }

  Expression list();
  Expression relation();
  char relation_operator();
  Expression sum();
  Expression term();
  Expression product();
  Expression signed_power();
  Expression power();
  Expression exponent();
  Expression factorials(Expression base);
  Expression atom();
  Expression command_atom();
  Expression number();
  bool take_power_of_ten(Expression& number);
  Expression repeating(const std::string& whole, const std::string& fraction);
  std::optional<Expression> mixed_number(const Expression& whole);
  Expression symbol(std::string name);
  Expression function(std::string name);
  Expression root();
  Expression bars();
  Expression bracketed(char open);
  Expression set();
  Expression matrix();
  Expression group();
  bool starts_factor();

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool in_bars_ = false;
};

/// Items between commas, semicolons or signs of union, up to what closes the list.
Expression Parser::list() {
  const Nested nested(depth_);
  Expression out = make(Kind::kList, "");
  do {
    while (take(',') || take(';')) {
    }
    if (next() == '\0') break;
    out.arguments.push_back(relation());
  } while (take(',') || take(';') || take_command("\\cup"));
  if (out.arguments.empty()) throw NoFormula();
  return out;
}

char Parser::relation_operator() {
  static constexpr std::array<std::pair<std::string_view, char>, 4> kCommands = {
      {{"\\leq", 'l'}, {"\\geq", 'g'}, {"\\neq", 'n'}, {"\\approx", 'a'}}};
  for (const auto& [name, sign] : kCommands) {
    if (take_command(name)) return sign;
  }
  if (take('<')) return take('=') ? 'l' : '<';
  if (take('>')) return take('=') ? 'g' : '>';
  return take('=') ? '=' : '\0';
}

Expression Parser::relation() {
  Expression out = make(Kind::kRelation, "", sum());
  for (char sign = relation_operator(); sign != '\0'; sign = relation_operator()) {
    out.name += sign;
    out.arguments.push_back(sum());
  }
  if (!out.name.empty()) return out;
  Expression only = std::move(out.arguments.front());
  return only;
}

Expression Parser::sum() {
  const Nested nested(depth_);
  Expression out = term();
  while (next() == '+' || next() == '-' || command() == "\\pm" || command() == "\\mp") {
    out = appended(Kind::kAdd, std::move(out), term());
  }
  return out;
}

Expression Parser::term() {
  if (take('-')) return make(Kind::kNegate, "", product());
  for (const char* sign : {"\\pm", "\\mp"}) {
    if (take_command(sign)) return make(Kind::kPlusMinus, sign, product());
  }
  take('+');
  return product();
}

bool Parser::starts_factor() {
  const char c = next();
  if (is_letter(c) || c == '(' || c == '{' || (c == '|' && !in_bars_)) return true;
  const std::string_view name = command();
  return name == "\\frac" || name == "\\sqrt" || name == "\\binom" ||
         symbol_commands().count(name) != 0 || function_commands().count(name) != 0;
}

Expression Parser::product() {
  Expression out = power();
  for (;;) {
    if (take('/') || take(':')) {  // a ratio is a quotient
      out = make(Kind::kDivide, "", std::move(out), signed_power());
    } else if (take_command("\\cdot") || starts_factor()) {
      out = appended(Kind::kMultiply, std::move(out), signed_power());
    } else {
      return out;
    }
  }
}

Expression Parser::signed_power() { return take('-') ? make(Kind::kNegate, "", power()) : power(); }

Expression Parser::power() {
  const Nested nested(depth_);
  Expression base = factorials(atom());
  if (!take('^')) return base;
  return factorials(make(Kind::kPower, "", std::move(base), exponent()));
}

/// "2", "{10}", "10", "-1", "n".
Expression Parser::exponent() {
  if (next() == '{') return group();
  if (take('-')) return make(Kind::kNegate, "", exponent());
  return is_digit(next()) ? number_of(digits()) : atom();
}

Expression Parser::factorials(Expression base) {
  while (take('!')) base = make(Kind::kCall, "!", std::move(base));
  return base;
}

Expression Parser::atom() {
  const char c = next();
  if (is_digit(c)) return number();
  if (is_letter(c)) {
    ++at_;
    return symbol({c});
  }
  if (c == '(' || c == '[') return bracketed(c);
  if (c == '{') return group();
  if (c == '|') return bars();
  if (c == '\\') return command_atom();
  throw NoFormula();
}

Expression Parser::command_atom() {
  const std::string name(command());
  at_ += name.size();
  if (name == "\\frac" || name == "\\binom") {
    Expression first = group();
    return make(name == "\\frac" ? Kind::kDivide : Kind::kCall, name, std::move(first), group());
  }
  if (name == "\\sqrt") return root();
  if (name == "\\begin") return matrix();
  if (name == "\\{") return set();
  if (symbol_commands().count(name) != 0) return symbol(name);
  if (function_commands().count(name) != 0) return function(name);
  throw NoFormula();
}

/// Digits, and what belongs to them: a point, a power of ten ("1.5e3"), repeated digits, a fraction
/// (a mixed number).
Expression Parser::number() {
  const std::string whole = digits();
  std::string fraction;
  const bool point = at_ < text_.size() && text_[at_] == '.';
  if (point) {
    ++at_;
    fraction = digits();
    for (const char* line : {"\\overline", "\\bar", "\\dot"}) {
      if (take_command(line)) return repeating(whole, fraction);
    }
    if (fraction.empty()) throw NoFormula();
  }
  Expression out = number_of(whole + fraction, -static_cast<int>(fraction.size()));
  if (take_power_of_ten(out) || point) return out;
  auto mixed = mixed_number(out);
  return mixed ? std::move(*mixed) : out;
}

bool Parser::take_power_of_ten(Expression& number) {
  const std::string_view rest = text_.substr(at_);
  if (rest.empty() || (rest[0] != 'e' && rest[0] != 'E')) return false;
  const bool sign = rest.size() > 1 && (rest[1] == '-' || rest[1] == '+');
  const std::size_t first = sign ? 2 : 1;
  if (rest.size() <= first || !is_digit(rest[first])) return false;
  at_ += first;
  const std::string power = digits();
  if (power.size() > 4) throw NoFormula();  // no answer is so large; bounds the work
  number.scale += (rest[1] == '-' ? -1 : 1) * std::stoi(power);
  return true;
}

/// 0.1\overline{6}: what stands before, and the repeated digits over 90.
Expression Parser::repeating(const std::string& whole, const std::string& fraction) {
  Expression repeated = group();
  if (repeated.kind != Kind::kNumber || repeated.scale != 0) throw NoFormula();
  const int places = static_cast<int>(fraction.size());
  Expression nines = number_of(std::string(repeated.name.size(), '9'), places);
  return make(Kind::kAdd, "", number_of(whole + fraction, -places),
              make(Kind::kDivide, "", std::move(repeated), std::move(nines)));
}

/// "1\frac{1}{2}": a whole number and a fraction of whole numbers, added.
std::optional<Expression> Parser::mixed_number(const Expression& whole) {
  constexpr std::string_view kFraction = "\\frac{";
  const std::size_t before = at_;
  if (!text_.substr(at_).starts_with(kFraction)) return std::nullopt;
  at_ += kFraction.size();
  const std::string numerator = digits();
  const bool both = text_.substr(at_).starts_with("}{");
  at_ += both ? 2 : 0;
  const std::string denominator = digits();
  if (!both || numerator.empty() || denominator.empty() || !take('}')) {
    at_ = before;
    return std::nullopt;
  }
  return make(Kind::kAdd, "", whole,
              make(Kind::kDivide, "", number_of(numerator), number_of(denominator)));
}

/// A name and its index ("x_1", "a_{ij}").
Expression Parser::symbol(std::string name) {
  if (!take('_')) return make(Kind::kSymbol, std::move(name));
  name += '_';
  if (!take('{')) {
    const char c = next();
    if (!is_letter(c) && !is_digit(c)) throw NoFormula();
    ++at_;
    return make(Kind::kSymbol, name + c);
  }
  while (is_letter(next()) || is_digit(next())) name += text_[at_++];
  expect('}');
  return make(Kind::kSymbol, std::move(name));
}

/// "\sin^2 x", "\log_2 8", "\sin 2x": without brackets the argument goes on up to a sign or another
/// function.
Expression Parser::function(std::string name) {
  const Nested nested(depth_);
  std::optional<Expression> base;
  if (take('_')) base = exponent();
  std::optional<Expression> raised;
  if (take('^')) raised = exponent();
  Expression argument = next() == '(' ? atom() : power();
  const bool bracket = text_[at_ - 1] == ')' || text_[at_ - 1] == '}';
  while (!bracket && starts_factor() && function_commands().count(command()) == 0) {
    argument = appended(Kind::kMultiply, std::move(argument), power());
  }
  Expression out = make(Kind::kCall, std::move(name), std::move(argument));
  if (base) out = make(Kind::kDivide, "", std::move(out), make(Kind::kCall, "\\log", *base));
  return raised ? make(Kind::kPower, "", std::move(out), std::move(*raised)) : out;
}

Expression Parser::root() {
  std::optional<Expression> degree;
  if (take('[')) {
    degree = sum();
    expect(']');
  }
  Expression radicand = group();
  return make(Kind::kCall, "\\sqrt", std::move(radicand), degree ? *degree : number_of("2"));
}

Expression Parser::bars() {
  if (in_bars_) throw NoFormula();
  expect('|');
  in_bars_ = true;
  Expression out = make(Kind::kCall, "|", sum());
  expect('|');
  in_bars_ = false;
  return out;
}

/// One item between brackets of one kind is that item; else a tuple or an interval.
Expression Parser::bracketed(char open) {
  ++at_;
  Expression items = list();
  const char close = next();
  if (close != ')' && close != ']') throw NoFormula();
  ++at_;
  const bool pair = (open == '(') == (close == ')');
  if (items.arguments.size() == 1 && pair) return only_item(std::move(items));
  items.kind = Kind::kTuple;
  items.name = {open, close};
  return items;
}

Expression Parser::set() {
  Expression out = list();
  if (!take_command("\\}")) throw NoFormula();
  return out;
}

Expression Parser::group() {
  if (!take('{')) return is_digit(next()) ? number_of({text_[at_++]}) : atom();
  Expression out = sum();
  expect('}');
  return out;
}

/// The rows of a matrix, of whatever brackets; \begin is read.
Expression Parser::matrix() {
  expect('{');
  const std::size_t begin = at_;
  while (is_letter(next())) ++at_;
  const std::string kind(text_.substr(begin, at_ - begin));
  expect('}');
  if (kind == "array") {
    expect('{');
    while (is_letter(next()) || next() == '|') ++at_;
    expect('}');
  } else if (!kind.ends_with("matrix")) {
    throw NoFormula();
  }
  Expression out = make(Kind::kMatrix, kind == "vmatrix" ? "|" : "");
  do {
    if (command() == "\\end") break;
    Expression row = make(Kind::kRow, "", relation());
    while (take('&')) row.arguments.push_back(relation());
    out.arguments.push_back(std::move(row));
  } while (take_command("\\\\"));
  if (!take_command("\\end")) throw NoFormula();
  expect('{');
  while (is_letter(next())) ++at_;
  expect('}');
  return out;
}

}  // namespace

std::optional<Expression> parse_expression(std::string_view normalized) {
  if (normalized.size() > kLongest) return std::nullopt;
  try {
    return Parser(normalized).parse();
  } catch (const NoFormula&) {
    return std::nullopt;
  }
}

}  // namespace citer
