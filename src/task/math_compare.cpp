#include "task/math_compare.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "task/expression.h"
#include "task/formula_value.h"
#include "task/text.h"

namespace citer {

namespace {

using Kind = Expression::Kind;
using Items = std::vector<Expression>;

/// Longer lists are compared as they stand; bounds the work.
constexpr std::size_t kMostItems = 64;

Equality same_answer(const Expression& gold, const Expression& given);

bool same_words(std::string_view gold, std::string_view given) {
  const auto is_word_char = [](char c) { return is_letter(c) || c == '-' || c == '\''; };
  return gold.size() > 1 && std::all_of(gold.begin(), gold.end(), is_word_char) &&
         lower(gold) == lower(given);
}

bool holds(const Expression& e, Kind kind) {
  return e.kind == kind || std::any_of(e.arguments.begin(), e.arguments.end(),
                                       [&](const Expression& part) { return holds(part, kind); });
}

/// The formula with every sign of both kinds made one sign.
Expression with_sign(const Expression& e, bool upper) {
  Expression out = e;
  for (Expression& part : out.arguments) part = with_sign(part, upper);
  if (e.kind != Kind::kPlusMinus) return out;
  if ((e.name == "\\pm") != upper) {
    out.kind = Kind::kNegate;
    return out;
  }
  Expression plus = std::move(out.arguments.front());
  return plus;
}

/// What a list holds, and what a double sign stands for; anything else is one item.
void add_items(const Expression& e, Items& out) {
  if (e.kind == Kind::kList) {
    for (const Expression& part : e.arguments) add_items(part, out);
  } else if (holds(e, Kind::kPlusMinus)) {
    out.push_back(with_sign(e, true));
    out.push_back(with_sign(e, false));
  } else {
    out.push_back(e);
  }
}

Equality same_in_order(const Items& gold, const Items& given) {
  if (gold.size() != given.size()) return Equality::kNone;
  Equality out = Equality::kExact;
  for (std::size_t i = 0; i < gold.size() && out != Equality::kNone; ++i) {
    out = std::min(out, same_answer(gold[i], given[i]));
  }
  return out;
}

Equality same_in_any_order(const Items& gold, Items given) {
  if (gold.size() != given.size() || gold.size() > kMostItems) return Equality::kNone;
  Equality out = Equality::kExact;
  for (const Expression& item : gold) {
    Equality same = Equality::kNone;
    for (auto it = given.begin(); it != given.end() && same == Equality::kNone; ++it) {
      same = same_answer(item, *it);
      if (same == Equality::kNone) continue;
      given.erase(it);
      break;
    }
    out = std::min(out, same);
  }
  return out;
}

/// "AB", "f(x)", "f(2)", "(x, y)", "a:b": a name, and no formula that an equation sets a condition
/// on.
bool is_name(const Expression& e) {
  if (e.kind == Kind::kSymbol) return true;
  if (e.kind == Kind::kTuple || e.kind == Kind::kDivide) {
    return std::all_of(e.arguments.begin(), e.arguments.end(), is_name);
  }
  if (e.kind == Kind::kCall && e.name == "|") return is_name(e.arguments.front());
  return e.kind == Kind::kMultiply && e.arguments.front().kind == Kind::kSymbol &&
         std::all_of(e.arguments.begin(), e.arguments.end(), [](const Expression& part) {
           return part.kind == Kind::kNumber || is_name(part);
         });
}

bool is_equation(const Expression& e) {
  return e.kind == Kind::kRelation && e.name.find_first_not_of('=') == std::string::npos;
}

/// What a chain says that something named, or calculated, is: "AB = 5", "2 + 3 = 5", "5 = x",
/// "x = 1/3 \approx 0.33".
const Expression* stated_value(const Expression& e) {
  if (e.kind != Kind::kRelation || e.name.find_first_not_of("=a") != std::string::npos) {
    return nullptr;
  }
  const Expression& first = e.arguments.front();
  const std::size_t about = std::min(e.name.find('a'), e.name.size());
  if (about == 0) return is_name(first) ? &e.arguments[1] : &first;
  const Expression& last = e.arguments[about];
  if (is_name(first) || (is_constant(first) && is_constant(last))) return &last;
  return is_name(last) ? &first : nullptr;
}

Expression flipped(Expression relation) {
  std::reverse(relation.arguments.begin(), relation.arguments.end());
  std::reverse(relation.name.begin(), relation.name.end());
  for (char& sign : relation.name) {
    static constexpr std::string_view kFrom = "<>lg";
    static constexpr std::string_view kTo = "><gl";
    const std::size_t at = kFrom.find(sign);
    if (at != std::string_view::npos) sign = kTo[at];
  }
  return relation;
}

Expression infinity(bool negative) {
  Expression out{Kind::kSymbol, "\\infty"};
  if (!negative) return out;
  Expression below{Kind::kNegate};
  below.arguments.push_back(std::move(out));
  return below;
}

/// The interval that inequalities about one variable say: "2 < x", "1 \leq x < 3".
std::optional<Expression> interval_of(const Expression& e) {
  if (e.kind != Kind::kRelation || e.name.size() > 2) return std::nullopt;
  const Expression relation = e.name.find_first_of(">g") == 0 ? flipped(e) : e;
  if (relation.name.find_first_not_of("<l") != std::string::npos) return std::nullopt;
  const auto is_variable = [](const Expression& part) {
    return is_name(part) && (part.kind != Kind::kSymbol || part.name.front() != '\\');
  };
  const Items& sides = relation.arguments;
  const auto bracket = [&](std::size_t i, char closed, char open) {
    return relation.name[i] == 'l' ? closed : open;
  };
  Expression out{Kind::kTuple};
  if (sides.size() == 3 && is_variable(sides[1])) {
    out.name = {bracket(0, '[', '('), bracket(1, ']', ')')};
    out.arguments = {sides[0], sides[2]};
  } else if (sides.size() == 2 && is_variable(sides[0])) {
    out.name = {'(', bracket(0, ']', ')')};
    out.arguments = {infinity(true), sides[1]};
  } else if (sides.size() == 2 && is_variable(sides[1])) {
    out.name = {bracket(0, '[', '('), ')'};
    out.arguments = {sides[0], infinity(false)};
  } else {
    return std::nullopt;
  }
  return out;
}

/// With other names for its variables: the same formula at another point.
Expression renamed(const Expression& e) {
  Expression out = e;
  if (e.kind == Kind::kSymbol && e.name != "i") out.name += '\'';
  for (Expression& part : out.arguments) part = renamed(part);
  return out;
}

Expression node(Kind kind, Expression a, Expression b) {
  Expression out{kind};
  out.arguments.push_back(std::move(a));
  out.arguments.push_back(std::move(b));
  return out;
}

/// Two equations of two sides each say the same if left - right of one is a constant, not zero,
/// times that of the other: then f(x) g(y) = g(x) f(y).
Equality same_equation(const Expression& gold, const Expression& given) {
  const auto condition = [](const Expression& e) {
    Expression right{Kind::kNegate};
    right.arguments.push_back(e.arguments[1]);
    return node(Kind::kAdd, e.arguments[0], std::move(right));
  };
  const Expression f = condition(gold);
  const Expression g = condition(given);
  const Expression zero{Kind::kNumber, "0"};
  if (same_value(f, zero) != Equality::kNone || same_value(g, zero) != Equality::kNone) {
    return Equality::kNone;
  }
  return same_value(node(Kind::kMultiply, f, renamed(g)), node(Kind::kMultiply, g, renamed(f)));
}

Equality same_relation(const Expression& gold, const Expression& given) {
  if (gold.name == "=" && given.name == "=") return same_equation(gold, given);
  if (gold.name == given.name) return same_in_order(gold.arguments, given.arguments);
  const Expression other = flipped(given);
  if (gold.name == other.name) return same_in_order(gold.arguments, other.arguments);
  return Equality::kNone;
}

/// "x = 3, y = 4" as (3, 4), by the order of the names.
std::optional<Expression> assigned_tuple(const Expression& list) {
  if (list.kind != Kind::kList || list.arguments.size() < 2) return std::nullopt;
  std::vector<std::pair<std::string, const Expression*>> values;
  for (const Expression& item : list.arguments) {
    const bool assignment =
        is_equation(item) && item.name.size() == 1 && item.arguments[0].kind == Kind::kSymbol;
    if (!assignment) return std::nullopt;
    values.emplace_back(item.arguments[0].name, &item.arguments[1]);
  }
  std::sort(values.begin(), values.end());
  Expression out{Kind::kTuple, "()"};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && values[i].first == values[i - 1].first) return std::nullopt;
    out.arguments.push_back(*values[i].second);
  }
  return out;
}

/// One of the two as a tuple, where the other is one: from inequalities or assignments.
std::optional<Expression> as_tuple(const Expression& e) {
  if (auto interval = interval_of(e)) return interval;
  return assigned_tuple(e);
}

Equality same_item(const Expression& gold, const Expression& given) {
  if (gold.kind == Kind::kRelation && given.kind == Kind::kRelation) {
    return same_relation(gold, given);
  }
  if (const Expression* value = stated_value(given)) return same_answer(gold, *value);
  if (const Expression* value = stated_value(gold)) return same_answer(*value, given);
  const bool composed =
      gold.kind == Kind::kTuple || gold.kind == Kind::kMatrix || gold.kind == Kind::kRow;
  if (!composed) return same_value(gold, given);
  if (gold.kind != given.kind || gold.name != given.name) return Equality::kNone;
  return same_in_order(gold.arguments, given.arguments);
}

Equality same_answer(const Expression& gold, const Expression& given) {
  const auto gold_tuple = as_tuple(gold);
  const auto given_tuple = as_tuple(given);
  const bool tuples =
      (gold_tuple || gold.kind == Kind::kTuple) && (given_tuple || given.kind == Kind::kTuple);
  if (tuples && (gold_tuple || given_tuple)) {
    return same_item(gold_tuple.value_or(gold), given_tuple.value_or(given));
  }
  Items gold_items;
  Items given_items;
  add_items(gold, gold_items);
  add_items(given, given_items);
  if (gold_items.size() == 1 && given_items.size() == 1) {
    return same_item(gold_items.front(), given_items.front());
  }
  return same_in_any_order(gold_items, std::move(given_items));
}

}  // namespace

const char* comparison_name(Comparison comparison) {
  switch (comparison) {
    case Comparison::kNone:
      return "none";
    case Comparison::kUnread:
      return "unread";
    case Comparison::kDifferent:
      return "different";
    case Comparison::kNumeric:
      return "numeric";
    case Comparison::kIdentity:
      return "identity";
    case Comparison::kWords:
      return "words";
    case Comparison::kExact:
      return "exact";
    case Comparison::kSpelling:
      return "spelling";
    case Comparison::kLabel:
      return "label";
    case Comparison::kTests:
      return "tests";
  }
  return "none";
}

bool is_same(Comparison comparison) {
  switch (comparison) {
    case Comparison::kNumeric:
    case Comparison::kIdentity:
    case Comparison::kWords:
    case Comparison::kExact:
    case Comparison::kSpelling:
      return true;
    default:
      return false;
  }
}

Comparison compare_math(std::string_view gold, std::string_view given) {
  if (gold == given) return Comparison::kSpelling;
  if (same_words(gold, given)) return Comparison::kWords;
  const auto gold_formula = parse_expression(gold);
  const auto given_formula = parse_expression(given);
  if (!gold_formula || !given_formula) return Comparison::kUnread;
  switch (same_answer(*gold_formula, *given_formula)) {
    case Equality::kNone:
      return Comparison::kDifferent;
    case Equality::kNumeric:
      return Comparison::kNumeric;
    case Equality::kIdentity:
      return Comparison::kIdentity;
    case Equality::kExact:
      return Comparison::kExact;
  }
  return Comparison::kDifferent;
}

bool is_constant_text(std::string_view normalized) {
  const auto formula = parse_expression(normalized);
  return formula && is_constant(*formula);
}

}  // namespace citer
