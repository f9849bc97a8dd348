#include "grammar/json_schema_scalars.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "citer/error.h"
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

std::string pattern_piece(const Json& pattern, const std::string& where, gbnf::Budget& budget) {
  if (!pattern.is_string()) fail_schema(where, "expected a string, found " + pattern.dump());
  try {
    return pattern_to_grammar(pattern.get<std::string>(), budget);
  } catch (const UsageError& e) {
    fail_schema(where, e.what());
  }
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

std::string string_piece(const Json& schema, const std::string& where, gbnf::Budget& budget) {
  static const std::map<Json, std::string> kFormats = {
      {"date", "date"}, {"time", "time"}, {"date-time", "date \"T\" time"}, {"uuid", "uuid"}};
  const std::int64_t min = schema_count(schema, "minLength", where).value_or(0);
  const std::optional<std::int64_t> max = schema_count(schema, "maxLength", where);
  if (max && *max < min) fail_schema(where, "'maxLength' is less than 'minLength'");
  const auto format = kFormats.find(schema.value("format", Json()));
  const bool has_length = min > 0 || max;
  const bool has_format = format != kFormats.end();
  const bool has_pattern = schema.contains("pattern");
  if (has_length + has_format + has_pattern > 1) {
    fail_schema(where, "only one of length, 'pattern' and 'format' is supported");
  }
  std::string inner;
  if (has_format) {
    inner = format->second;
  } else if (has_pattern) {
    inner = pattern_piece(schema["pattern"], where + "/pattern", budget);
  } else if (has_length) {
    inner = gbnf::repeated("char", min, max, budget);
  } else {
    return "string";
  }
  return fmt::format(R"(("\"" {} "\""))", inner);
}

std::string integer_piece(const Json& schema, const std::string& where) {
  const Bounds bounds = whole_bounds(schema, where);
  if (bounds.is_empty()) fail_schema(where, "no whole number is within its bounds");
  return whole_numbers(bounds);
}

std::string number_piece(const Json& schema, const std::string& where) {
  const Bounds ends = fraction_bounds(schema, where);
  if (!ends.low && !ends.high) return "number";
  std::vector<std::string> choices;
  const Bounds whole = whole_bounds(schema, where);
  if (!whole.is_empty()) choices.push_back(whole_numbers(whole) + R"( ("." "0"{1,16})?)");
  if (!ends.is_empty()) {
    add_fractions(choices, "", ends.low, ends.high);
    add_fractions(choices, "\"-\" ", negated(ends.high), negated(ends.low));
  }
  if (choices.empty()) fail_schema(where, "no number is within its bounds");
  return fmt::format("({})", fmt::join(choices, " | "));
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
