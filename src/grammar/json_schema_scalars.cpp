#include "grammar/json_schema_scalars.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "citer/error.h"
#include "grammar/intersection.h"
#include "grammar/json_pattern.h"
#include "grammar/json_schema_merge.h"

namespace citer {

namespace {

using Json = nlohmann::ordered_json;
using Bound = std::optional<std::int64_t>;

constexpr double kLargestNumber = 1e16;  // has one digit more than gbnf::kMostDigits

/// The whole numbers of a range, both ends included.
struct Bounds {
  Bound low;
  Bound high;
  bool is_empty() const { return low && high && *low > *high; }
};

bool has_type(const Json& value, const std::string& type) {
  if (type == "integer") return value.is_number_integer();
  return value.type_name() == type;
}

std::vector<Condition> conditions_of_pattern(const Json& pattern, const std::string& where,
                                             gbnf::Rules& rules) {
  if (!pattern.is_string()) fail_schema(where, "expected a string, found " + pattern.dump());
  try {
    return pattern_conditions(pattern.get<std::string>(), rules);
  } catch (const UsageError& e) {
    fail_schema(where, e.what());
  }
}

std::string common_piece(const std::vector<Condition>& conditions, const std::string& where,
                         gbnf::Rules& rules) {
  try {
    return intersection(conditions, rules);
  } catch (const UsageError& e) {
    fail_schema(where, e.what());
  }
}

/// Whether a format's rule is to be kept to. Those of the specification that have none are refused;
/// what is no format of the specification (int64, password) only describes.
bool is_enforced(const Json& format, const std::string& where) {
  static const std::set<Json> kEnforced = {"date",     "time", "date-time", "duration", "uuid",
                                           "hostname", "ipv4", "ipv6",      "email",    "uri"};
  static const std::set<Json> kRefused = {"idn-email",     "idn-hostname",          "iri",
                                          "iri-reference", "uri-reference",         "uri-template",
                                          "json-pointer",  "relative-json-pointer", "regex"};
  if (kRefused.contains(format)) {
    fail_schema(schema_child(where, "format"), format.dump() + " is not supported");
  }
  return kEnforced.contains(format);
}

/// The value of a keyword for a bound; nothing where it excludes no number of 16 digits.
std::optional<double> bound(const Json& schema, const std::string& key, const std::string& where) {
  if (!schema.contains(key)) return {};
  const std::string place = schema_child(where, key);
  if (!schema[key].is_number()) {
    fail_schema(place, "expected a number, found " + schema[key].dump());
  }
  const auto value = schema[key].get<double>();
  const bool is_lower = key.ends_with("inimum");
  if (is_lower ? value >= kLargestNumber : value <= -kLargestNumber) {
    fail_schema(place, "numbers of more than 16 digits are not supported");
  }
  return std::abs(value) < kLargestNumber ? std::optional(value) : std::nullopt;
}

void raise(Bound& low, double value) {
  low = std::max(low.value_or(INT64_MIN), static_cast<std::int64_t>(value));
}

void lower(Bound& high, double value) {
  high = std::min(high.value_or(INT64_MAX), static_cast<std::int64_t>(value));
}

/// The whole numbers that a schema's bounds admit.
Bounds whole_bounds(const Json& schema, const std::string& where) {
  Bounds out;
  if (const auto v = bound(schema, "minimum", where)) raise(out.low, std::ceil(*v));
  if (const auto v = bound(schema, "exclusiveMinimum", where)) raise(out.low, std::floor(*v) + 1);
  if (const auto v = bound(schema, "maximum", where)) lower(out.high, std::floor(*v));
  if (const auto v = bound(schema, "exclusiveMaximum", where)) lower(out.high, std::ceil(*v) - 1);
  return out;
}

/// The whole numbers between which all fractions are admitted: for a fraction it does not matter
/// whether the ends belong to the range.
Bounds fraction_bounds(const Json& schema, const std::string& where) {
  Bounds out;
  for (const char* key : {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}) {
    const auto value = bound(schema, key, where);
    if (!value) continue;
    if (*value != std::floor(*value)) {
      fail_schema(schema_child(where, key), "of numbers only whole bounds are supported");
    }
    if (std::string_view(key).ends_with("inimum")) {
      raise(out.low, *value);
    } else {
      lower(out.high, *value);
    }
  }
  return out;
}

Bound negated(const Bound& value) { return value ? Bound(-*value) : Bound(); }

std::string whole_numbers(const Bounds& bounds) {
  const auto [low, high] = bounds;
  if (!low && !high) return "integer";
  std::vector<std::string> choices;
  if (!low || *low < 0) {
    const std::int64_t least = high && *high < 0 ? -*high : 1;
    choices.push_back("\"-\" " + gbnf::natural_numbers(least, negated(low)));
  }
  if (!high || *high >= 0) {
    choices.push_back(gbnf::natural_numbers(std::max<std::int64_t>(0, low.value_or(0)), high));
  }
  return fmt::format("({})", fmt::join(choices, " | "));
}

/// Adds what has the sign, a whole part from `low` to below `high`, and a fraction that is not 0.
void add_fractions(std::vector<std::string>& choices, const char* sign, const Bound& low,
                   const Bound& high) {
  const std::int64_t least = std::max<std::int64_t>(0, low.value_or(0));
  if (high && *high <= least) return;
  const std::string whole = gbnf::natural_numbers(least, high ? Bound(*high - 1) : Bound());
  choices.push_back(fmt::format(R"({}{} "." "0"{{0,15}} [1-9] [0-9]{{0,15}})", sign, whole));
}

/// Digits that make a multiple of `n`: a rule for each remainder of those before.
Condition multiples_of(int n) {
  std::string rules;
  for (int remainder = 0; remainder < n; ++remainder) {
    rules += fmt::format("m{} ::= {}", remainder, remainder == 0 ? "\"\"" : "");
    for (int digit = 0; digit < 10; ++digit) {
      rules += fmt::format("{}\"{}\" m{}", remainder == 0 || digit > 0 ? " | " : "", digit,
                           (10 * remainder + digit) % n);
    }
    rules += "\n";
  }
  return {R"("-"? m0)", false, rules};
}

/// Those of the numbers of `piece` that are multiples of the schema's multipleOf.
std::string multiple_piece(const std::string& piece, const Json& schema, const std::string& where,
                           gbnf::Rules& rules) {
  if (!schema.contains("multipleOf")) return piece;
  constexpr int kMost = 500;
  const Json& value = schema["multipleOf"];
  const double step = value.is_number() ? value.get<double>() : 0;
  if (step >= 1 && step <= kMost && step == std::floor(step)) {
    return common_piece({{piece}, multiples_of(static_cast<int>(step))}, where, rules);
  }
  for (int digits = 1; digits <= 15; ++digits) {
    if (step != std::stod(fmt::format("1e-{}", digits))) continue;
    const std::string places = fmt::format(R"("-"? [0-9]+ ("." [0-9]{{1,{}}})?)", digits);
    return common_piece({{piece}, {places}}, where, rules);
  }
  fail_schema(schema_child(where, "multipleOf"),
              fmt::format("expected a whole number up to {}, or 0.1, 0.01, ...; found {}", kMost,
                          value.dump()));
}

}  // namespace

std::string enum_piece(const Json& values, const Json& schema, const std::string& where) {
  if (!values.is_array()) fail_schema(where, "expected a list, found " + values.dump());
  std::vector<std::string> types;
  if (schema.contains("type")) types = types_of(schema["type"], where);
  if (schema.value("nullable", Json(false)) == true) types.emplace_back("null");
  std::vector<std::string> choices;
  for (const Json& value : values) {
    const bool fits = !schema.contains("type") ||
                      std::any_of(types.begin(), types.end(),
                                  [&](const std::string& type) { return has_type(value, type); });
    if (fits) choices.push_back(gbnf::literal(value.dump()));
  }
  if (choices.empty()) fail_schema(where, "it holds no value of the schema's type");
  return gbnf::choice(choices);
}

std::string string_piece(const Json& schema, const std::string& where, gbnf::Rules& rules) {
  const std::int64_t min = schema_count(schema, "minLength", where).value_or(0);
  const std::optional<std::int64_t> max = schema_count(schema, "maxLength", where);
  if (max && *max < min) fail_schema(where, "'maxLength' is less than 'minLength'");
  std::vector<Condition> conditions;
  if (const Json format = schema.value("format", Json()); is_enforced(format, where)) {
    conditions.push_back({format.get<std::string>()});
  }
  if (schema.contains("pattern")) {
    const auto more = conditions_of_pattern(schema["pattern"], where + "/pattern", rules);
    conditions.insert(conditions.end(), more.begin(), more.end());
  }
  if (min > 0 || max) conditions.push_back({gbnf::repeated("char", min, max, rules)});
  if (conditions.empty()) return "string";
  return fmt::format(R"(("\"" {} "\""))", common_piece(conditions, where, rules));
}

std::string integer_piece(const Json& schema, const std::string& where, gbnf::Rules& rules) {
  const Bounds bounds = whole_bounds(schema, where);
  if (bounds.is_empty()) fail_schema(where, "no whole number is within its bounds");
  return multiple_piece(whole_numbers(bounds), schema, where, rules);
}

std::string number_piece(const Json& schema, const std::string& where, gbnf::Rules& rules) {
  const Bounds ends = fraction_bounds(schema, where);
  if (!ends.low && !ends.high) return multiple_piece("number", schema, where, rules);
  std::vector<std::string> choices;
  const Bounds whole = whole_bounds(schema, where);
  if (!whole.is_empty()) choices.push_back(whole_numbers(whole) + R"( ("." "0"{1,16})?)");
  if (!ends.is_empty()) {
    add_fractions(choices, "", ends.low, ends.high);
    add_fractions(choices, "\"-\" ", negated(ends.high), negated(ends.low));
  }
  if (choices.empty()) fail_schema(where, "no number is within its bounds");
  return multiple_piece(fmt::format("({})", fmt::join(choices, " | ")), schema, where, rules);
}

std::optional<std::int64_t> schema_count(const Json& schema, const std::string& key,
                                         const std::string& where) {
  if (!schema.contains(key)) return {};
  const Json& value = schema[key];
  const auto number = value.is_number() ? value.get<double>() : -1.0;
  if (number < 0 || number != std::floor(number)) {
    fail_schema(schema_child(where, key), "expected a whole number >= 0, found " + value.dump());
  }
  if (number > static_cast<double>(gbnf::kMostRepetitions)) {
    fail_schema(schema_child(where, key), fmt::format("more than {} is not supported, found {}",
                                                      gbnf::kMostRepetitions, value.dump()));
  }
  return static_cast<std::int64_t>(number);
}

}  // namespace citer
