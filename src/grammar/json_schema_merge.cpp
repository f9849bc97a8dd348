#include "grammar/json_schema_merge.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "citer/error.h"

namespace citer {

namespace {

using Json = nlohmann::ordered_json;

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// Integers are numbers; beyond that a type is only itself.
Json common_types(const Json& a, const Json& b, const std::string& where) {
  const std::vector<std::string> left = types_of(a, where);
  const std::vector<std::string> right = types_of(b, where);
  Json out = Json::array();
  for (const std::string& type : left) {
    if (contains(right, type) || (type == "integer" && contains(right, "number"))) {
      out.push_back(type);
    } else if (type == "number" && contains(right, "integer")) {
      out.push_back("integer");
    }
  }
  if (out.empty()) {
    fail_schema(where, fmt::format("no value has both types {} and {}", a.dump(), b.dump()));
  }
  return out;
}

/// In the order of `a`.
Json common_values(const Json& a, const Json& b, const std::string& where) {
  Json out = Json::array();
  for (const Json& value : a) {
    if (std::find(b.begin(), b.end(), value) != b.end()) out.push_back(value);
  }
  if (out.empty()) fail_schema(where, "no value is in both enums");
  return out;
}

Json united(Json a, const Json& b) {
  for (const Json& value : b) {
    if (std::find(a.begin(), a.end(), value) == a.end()) a.push_back(value);
  }
  return a;
}

/// A schema for what satisfies both sub-schemas.
Json both(const Json& a, const Json& b) {
  if (a == b || b == true) return a;
  if (a == true) return b;
  if (a == false || b == false) return false;
  return {{"allOf", {a, b}}};
}

Json merged_properties(Json a, const Json& b) {
  for (const auto& [name, schema] : b.items()) {
    a[name] = a.contains(name) ? both(a[name], schema) : schema;
  }
  return a;
}

Json merged_keyword(const std::string& key, const Json& a, const Json& b,
                    const std::string& where) {
  if (a == b || is_annotation(key)) return a;
  if (key == "properties") return merged_properties(a, b);
  if (key == "required") return united(a, b);
  if (key == "type") return common_types(a, b, where);
  if (key == "enum") return common_values(a, b, where);
  if (key == "items" || key == "additionalProperties") return both(a, b);
  if (a.is_number() && b.is_number()) {
    if (key.starts_with("min") || key == "exclusiveMinimum") return a < b ? b : a;
    if (key.starts_with("max") || key == "exclusiveMaximum") return a < b ? a : b;
  }
  fail_schema(where, fmt::format("'{}' in several parts of one schema is not supported", key));
}

/// additionalProperties speaks of the properties that its own part does not declare.
void check_closed(const Json& closed, const Json& other, const std::string& where) {
  const auto additional = closed.find("additionalProperties");
  if (additional == closed.end() || *additional == true || !other.contains("properties")) return;
  const Json own = closed.value("properties", Json::object());
  for (const auto& [name, schema] : other["properties"].items()) {
    if (!own.contains(name)) {
      fail_schema(where, fmt::format("'additionalProperties' in one part of a schema and property "
                                     "'{}' in another is not supported",
                                     name));
    }
  }
}

constexpr int kDeepest = 64;
/// Of one step, in repetitions: whole schemas are copied.
constexpr int kCostOfMerging = 20;

Json flattened(const Json& root, const Json& schema, const std::string& where, gbnf::Rules& rules,
               int depth) {
  rules.spend(kCostOfMerging);
  if (depth > kDeepest) {
    fail_schema(where, "allOf or $ref that leads to itself, or is nested too deep");
  }
  if (!schema.is_object()) return schema;
  Json own = schema;
  Json out = Json::object();
  if (schema.contains("$ref")) {
    out = flattened(root, resolved_schema(root, schema["$ref"], where), where, rules, depth + 1);
    own.erase("$ref");
  }
  if (schema.contains("allOf")) {
    for (const Json& part : schema_list(schema, "allOf", where)) {
      out = merged_schemas(out, flattened(root, part, where, rules, depth + 1), where);
    }
    own.erase("allOf");
  }
  return merged_schemas(out, own, where);
}

}  // namespace

const Json& resolved_schema(const Json& root, const Json& reference, const std::string& where) {
  const std::string text = reference.is_string() ? reference.get<std::string>() : "";
  try {
    if (text.starts_with("#")) {
      const Json::json_pointer pointer(text.substr(1));
      if (root.contains(pointer)) return root.at(pointer);
    }
  } catch (const nlohmann::json::exception&) {
    // Not a JSON pointer: said below.
  }
  fail_schema(where + "/$ref",
              "expected the place of a schema within this one, as \"#/$defs/NAME\", found " +
                  reference.dump());
}

Json flattened_schema(const Json& root, const Json& schema, const std::string& where,
                      gbnf::Rules& rules) {
  return flattened(root, schema, where, rules, 0);
}

const Json& schema_list(const Json& schema, const std::string& key, const std::string& where) {
  const Json& value = schema.at(key);
  if (!value.is_array() || value.empty()) {
    fail_schema(schema_child(where, key),
                "expected a list that is not empty, found " + value.dump());
  }
  return value;
}

std::string schema_child(const std::string& where, std::string key) {
  for (std::size_t at = 0; (at = key.find_first_of("~/", at)) != std::string::npos; at += 2) {
    key.replace(at, 1, key[at] == '~' ? "~0" : "~1");
  }
  return where + "/" + key;
}

std::string schema_child(const std::string& where, std::size_t index) {
  return fmt::format("{}/{}", where, index);
}

bool is_annotation(const std::string& keyword) {
  static const std::set<std::string> kAnnotations = {"$schema",         "$id",
                                                     "$comment",        "$anchor",
                                                     "$defs",           "definitions",
                                                     "title",           "examples",
                                                     "default",         "description",
                                                     "deprecated",      "example",
                                                     "readOnly",        "writeOnly",
                                                     "discriminator",   "externalDocs",
                                                     "contentEncoding", "contentMediaType"};
  return kAnnotations.contains(keyword) || keyword.starts_with("x-");
}

std::vector<std::string> types_of(const Json& type, const std::string& where) {
  if (type.is_string()) return {type.get<std::string>()};
  std::vector<std::string> out;
  if (type.is_array()) {
    for (const Json& item : type) {
      if (item.is_string()) out.push_back(item.get<std::string>());
    }
    if (!out.empty() && out.size() == type.size()) return out;
  }
  fail_schema(where + "/type", "expected a type's name or a list of them, found " + type.dump());
}

void fail_schema(const std::string& where, const std::string& problem) {
  throw UsageError(fmt::format("json_schema: at {}: {}", where, problem));
}

Json merged_schemas(const Json& a, const Json& b, const std::string& where) {
  if (a == false || b == false) fail_schema(where, "a part that is false admits no value");
  if (a == true) return b;
  if (b == true) return a;
  if (!a.is_object() || !b.is_object()) {
    fail_schema(where, "expected schemas, that is objects or booleans");
  }
  check_closed(a, b, where);
  check_closed(b, a, where);
  Json out = a;
  for (const auto& [key, value] : b.items()) {
    out[key] = out.contains(key) ? merged_keyword(key, out[key], value, where) : value;
  }
  return out;
}

}  // namespace citer
