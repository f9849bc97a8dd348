#include "grammar/json_schema.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "citer/error.h"
#include "grammar/grammar_text.h"
#include "grammar/json_schema_merge.h"
#include "grammar/json_schema_scalars.h"
#include "grammar/scanner.h"

namespace citer {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kDeepest = 64;
constexpr std::size_t kLongestKey = 200;

/// Whether JSON is nested no deeper than a schema has to be. What follows recurs.
bool is_shallow(const Json& value, int depth = 0) {
  if (depth > 4 * kDeepest) return false;
  return !value.is_structured() || std::all_of(value.begin(), value.end(), [&](const Json& part) {
    return is_shallow(part, depth + 1);
  });
}

/// What stands for each kind of value where `type` is not given.
std::vector<std::string> implied_types(const Json& schema) {
  static const std::vector<std::pair<std::string, std::vector<std::string>>> kTypesOfKeywords = {
      {"object", {"properties", "required", "additionalProperties"}},
      {"array", {"items", "prefixItems", "minItems", "maxItems"}},
      {"string", {"minLength", "maxLength", "pattern", "format"}},
      {"number", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}}};
  std::vector<std::string> out;
  for (const auto& [type, keywords] : kTypesOfKeywords) {
    if (std::any_of(keywords.begin(), keywords.end(),
                    [&](const std::string& keyword) { return schema.contains(keyword); })) {
      out.push_back(type);
    }
  }
  return out;
}

/// Names that additional properties must not have, letter by letter.
struct NameTree {
  std::map<char32_t, NameTree> next;
  bool is_name = false;

  void add(const std::u32string& name) {
    NameTree* node = this;
    for (const char32_t c : name) node = &node->next[c];
    node->is_name = true;
  }

  /// The rest of a key, with its closing quote, that makes none of the names. It has no escapes,
  /// by which a name could be spelled otherwise.
  std::string rest() const {
    std::string excluded = R"(\"\\\x7F\x00-\x1F)";
    std::vector<std::string> choices;
    for (const auto& [c, node] : next) {
      excluded += gbnf::class_char(c);
      choices.push_back(fmt::format("[{}] {}", gbnf::class_char(c), node.rest()));
    }
    choices.push_back(fmt::format(R"([^{}] plain* "\"")", excluded));
    if (!is_name) choices.emplace_back(R"("\"")");
    return fmt::format("({})", fmt::join(choices, " | "));
  }
};

/// Writes the grammar of one schema, as rules.
class SchemaGrammar {
 public:
  explicit SchemaGrammar(const Json& root) : root_(root) {}

  std::string write() {
    references_["#"] = "root";
    left_of_ = "root";
    const std::string body = piece(root_, "#");
    return fmt::format("root ::= {}\n{}{}", body, rules_.text(), gbnf::json_rules());
  }

 private:
  /// While it lives, what is written does not stand at the left end of the rule: something was
  /// written before.
  class Inside {
   public:
    explicit Inside(SchemaGrammar& grammar) : grammar_(grammar), kept_(grammar.left_of_) {
      grammar.left_of_.clear();
    }
    ~Inside() { grammar_.left_of_ = kept_; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    SchemaGrammar& grammar_;
    std::string kept_;
  };

  /// GBNF for the values of a schema.
  std::string piece(const Json& schema, const std::string& where) {
    rules_.spend(1);
    if (++depth_ > kDeepest) {
      fail_schema(where, fmt::format("nested deeper than {} schemas", kDeepest));
    }
    std::string out = piece_of(schema, where);
    --depth_;
    return out;
  }

  std::string piece_of(const Json& schema, const std::string& where) {
    if (schema == true) return "value";
    if (schema == false) fail_schema(where, "false admits no value");
    if (!schema.is_object()) {
      fail_schema(where, "expected an object or a boolean, found " + schema.dump());
    }
    check_supported(schema, where);
    if (schema.contains("allOf") || schema.contains("$ref")) {
      if (const std::string* target = lone_reference(schema)) return reference(*target, where);
      return piece(flattened_schema(root_, schema, where, rules_), where);
    }
    for (const char* key : {"anyOf", "oneOf"}) {
      if (schema.contains(key)) return any_of(schema, key, where);
    }
    if (schema.contains("const")) {
      return enum_piece(Json::array({schema["const"]}), schema, where + "/const");
    }
    if (schema.contains("enum")) return enum_piece(schema["enum"], schema, where + "/enum");
    return typed(schema, where);
  }

  static void check_supported(const Json& schema, const std::string& where) {
    static const std::set<std::string> kUnsupported = {"not",           "if",
                                                       "then",          "else",
                                                       "dependencies",  "dependentRequired",
                                                       "contains",      "dependentSchemas",
                                                       "minContains",   "patternProperties",
                                                       "maxContains",   "propertyNames",
                                                       "minProperties", "unevaluatedItems",
                                                       "maxProperties", "unevaluatedProperties",
                                                       "$dynamicRef",   "$recursiveRef"};
    for (const auto& [key, value] : schema.items()) {
      if (kUnsupported.contains(key) || (key == "uniqueItems" && value == true)) {
        fail_schema(where, fmt::format("'{}' is not supported", key));
      }
    }
  }

  // References and combinations

  /// The target of a $ref that nothing else restricts.
  static const std::string* lone_reference(const Json& schema) {
    const auto target = schema.find("$ref");
    if (target == schema.end() || !target->is_string()) return nullptr;
    for (const auto& [key, value] : schema.items()) {
      if (key != "$ref" && !is_annotation(key)) return nullptr;
    }
    return target->get_ptr<const std::string*>();
  }

  /// The name of the rule for a $ref's target; written when first asked for.
  std::string reference(const std::string& target, const std::string& where) {
    const auto known = references_.find(target);
    if (known != references_.end()) {
      check_no_left_recursion(known->second, where);
      return known->second;
    }
    std::string name = rules_.fresh_name(target.substr(target.rfind('/') + 1));
    references_[target] = name;
    check_no_left_recursion(name, where);
    const std::string outer = std::exchange(left_of_, name);
    const std::string body = piece(resolved_schema(root_, target, where), target);
    left_of_ = outer;
    rules_.set(name, body);
    return name;
  }

  /// A rule that begins with itself, directly or through others, would never end.
  void check_no_left_recursion(const std::string& name, const std::string& where) {
    if (left_of_.empty()) return;
    begins_with_[left_of_].insert(name);
    std::set<std::string> seen;
    std::vector<std::string> open = {name};
    while (!open.empty()) {
      const std::string rule = open.back();
      open.pop_back();
      if (rule == left_of_) {
        fail_schema(where + "/$ref", "this schema is defined as itself, so it admits no value");
      }
      if (!seen.insert(rule).second) continue;
      for (const std::string& first : begins_with_[rule]) open.push_back(first);
    }
  }

  std::string any_of(const Json& schema, const std::string& key, const std::string& where) {
    Json rest = schema;
    rest.erase(key);
    const bool restricted =
        std::any_of(rest.items().begin(), rest.items().end(),
                    [](const auto& item) { return !is_annotation(item.key()); });
    std::vector<std::string> choices;
    std::size_t index = 0;
    for (const Json& part : schema_list(schema, key, where)) {
      const std::string place = schema_child(schema_child(where, key), index++);
      if (part == false) continue;
      choices.push_back(piece(
          restricted ? merged_schemas(rest, flattened_schema(root_, part, place, rules_), place)
                     : part,
          place));
    }
    if (choices.empty()) fail_schema(schema_child(where, key), "it admits no value");
    return gbnf::choice(choices);
  }

  // Values by type

  std::string typed(const Json& schema, const std::string& where) {
    const std::vector<std::string> types =
        schema.contains("type") ? types_of(schema["type"], where) : implied_types(schema);
    if (types.empty()) return "value";
    std::vector<std::string> choices;
    choices.reserve(types.size());
    for (const std::string& type : types) choices.push_back(of_type(type, schema, where));
    if (schema.value("nullable", Json(false)) == true) choices.emplace_back("null");
    return gbnf::choice(choices);
  }

  std::string of_type(const std::string& type, const Json& schema, const std::string& where) {
    if (type == "object") return object(schema, where);
    if (type == "array") return array(schema, where);
    if (type == "string") return string_piece(schema, where, rules_);
    if (type == "integer") return integer_piece(schema, where, rules_);
    if (type == "number") return number_piece(schema, where, rules_);
    if (type == "boolean" || type == "null") return type;
    fail_schema(where + "/type", fmt::format("there is no type '{}'", type));
  }

  std::string object(const Json& schema, const std::string& where) {
    const Inside inside(*this);
    const Json properties = schema.value("properties", Json::object());
    const Json required = schema.value("required", Json::array());
    if (!properties.is_object()) fail_schema(where + "/properties", "expected an object");
    if (!required.is_array()) fail_schema(where + "/required", "expected a list of names");
    const bool is_open = properties.empty() && required.empty();
    const Json additional = schema.value("additionalProperties", Json(is_open));
    if (is_open && additional == true) return "object";

    std::vector<Member> members;
    std::set<std::string> names;
    for (const auto& [name, value] : properties.items()) {
      names.insert(name);
      const bool needed = std::find(required.begin(), required.end(), name) != required.end();
      if (value == false && !needed) continue;
      const std::string place = schema_child(schema_child(where, "properties"), name);
      members.push_back({member(name, value, place), needed});
    }
    for (const Json& name : required) {
      if (!name.is_string()) fail_schema(where + "/required", "expected a list of names");
      if (!names.insert(name.get<std::string>()).second) continue;
      if (schema.value("additionalProperties", Json(true)) == false) {
        fail_schema(where, fmt::format("required property {} is not among those that may be there",
                                       name.dump()));
      }
      members.push_back({member(name, schema.value("additionalProperties", Json(true)),
                                schema_child(where, "additionalProperties")),
                         true});
    }
    std::string extra;
    if (additional != false) {
      const std::string value = piece(additional, schema_child(where, "additionalProperties"));
      extra =
          rules_.add("extra", fmt::format("{} \":\" ws {}", key_other_than(names, where), value));
    }
    return rules_.add("object", braces(members, extra));
  }

  struct Member {
    std::string rule;
    bool required;
  };

  std::string member(const std::string& name, const Json& schema, const std::string& where) {
    const std::string value = piece(schema, where);
    return rules_.add(name, fmt::format("{} ws {}", gbnf::literal(Json(name).dump() + ":"), value));
  }

  /// An object of these members in their order, those that are not required left out at will, then
  /// any number of `extra`.
  std::string braces(const std::vector<Member>& members, const std::string& extra) {
    // `rest`: what may follow when something was written before; `choices`: what may come first.
    std::string rest = extra.empty() ? "" : fmt::format("(\",\" ws {})*", extra);
    std::vector<std::string> choices;
    bool may_be_empty = true;
    if (!extra.empty()) choices.push_back(extra + " " + rest);
    for (std::size_t i = members.size(); i-- > 0;) {
      const auto& [rule, required] = members[i];
      if (required) choices.clear();
      may_be_empty &= !required;
      choices.push_back(fmt::format("{} {}", rule, rest));
      rest = rules_.add("rest", fmt::format("(\",\" ws {}){} {}", rule, required ? "" : "?", rest));
    }
    if (choices.empty()) return R"("{" ws "}")";
    std::reverse(choices.begin(), choices.end());
    const std::string inner = fmt::format("({}) ws", fmt::join(choices, " | "));
    return fmt::format(R"("{{" ws {} "}}")", may_be_empty ? "(" + inner + ")?" : inner);
  }

  std::string key_other_than(const std::set<std::string>& names, const std::string& where) {
    if (names.empty()) return "string";
    NameTree tree;
    for (const std::string& name : names) {
      if (name.size() > kLongestKey) {
        fail_schema(where, fmt::format("additionalProperties beside a property whose name has more "
                                       "than {} bytes is not supported",
                                       kLongestKey));
      }
      tree.add(code_points(name));
    }
    return rules_.add("key", fmt::format(R"("\"" {})", tree.rest()));
  }

  std::string array(const Json& schema, const std::string& where) {
    const Inside inside(*this);
    const bool is_old = schema.contains("items") && schema["items"].is_array();
    const std::string prefix_key = is_old ? "items" : "prefixItems";
    const Json prefix = schema.value(prefix_key, Json::array());
    if (!prefix.is_array())
      fail_schema(schema_child(where, prefix_key), "expected a list of schemas");
    const std::int64_t min = schema_count(schema, "minItems", where).value_or(0);
    const std::optional<std::int64_t> max = schema_count(schema, "maxItems", where);
    const auto n_prefix = static_cast<std::int64_t>(prefix.size());
    if (max && *max < min) fail_schema(where, "'maxItems' is less than 'minItems'");

    const std::string items_key = is_old ? "additionalItems" : "items";
    const Json items = schema.value(items_key, Json(prefix.empty() || min > n_prefix));
    if (items == false && min > n_prefix) {
      fail_schema(where, "'minItems' asks for more items than there may be");
    }
    std::string rest;
    if (items != false && (!max || *max > n_prefix)) {
      const std::string item = rules_.add("item", piece(items, schema_child(where, items_key)));
      if (prefix.empty()) return brackets(item, min, max);
      rest = gbnf::repeated(fmt::format("\",\" ws {}", item),
                            std::max<std::int64_t>(0, min - n_prefix),
                            max ? std::optional(*max - n_prefix) : std::nullopt, rules_);
    }
    // From the last to the first: one that may be missing takes those behind it along.
    for (std::int64_t i = std::min(n_prefix, max.value_or(n_prefix)); i-- > 0;) {
      const auto index = static_cast<std::size_t>(i);
      const std::string item =
          piece(prefix[index], schema_child(schema_child(where, prefix_key), index));
      rest = fmt::format("{}{} {}", i == 0 ? "" : "\",\" ws ", item, rest);
      if (i >= min) rest = fmt::format("({})?", rest);
    }
    return rules_.add("array", fmt::format(R"("[" ws {} ws "]")", rest));
  }

  std::string brackets(const std::string& item, std::int64_t min, std::optional<std::int64_t> max) {
    std::string inner = fmt::format(
        "{} {}", item,
        gbnf::repeated(fmt::format("\",\" ws {}", item), std::max<std::int64_t>(0, min - 1),
                       max ? std::optional(*max - 1) : std::nullopt, rules_));
    inner = min == 0 ? "(" + inner + " ws)?" : inner + " ws";
    return rules_.add("array", fmt::format(R"("[" ws {} "]")", inner));
  }

  const Json& root_;
  std::map<std::string, std::string> references_;             ///< rules by what $ref says
  std::map<std::string, std::set<std::string>> begins_with_;  ///< references at a rule's left end
  std::string left_of_;  ///< the reference's rule whose left end is being written; "": none
  gbnf::Rules rules_;
  int depth_ = 0;
};

}  // namespace

std::string json_schema_to_grammar(const Json& schema) {
  if (!is_shallow(schema)) fail_schema("#", "nested too deep");
  return SchemaGrammar(schema).write();
}

std::string json_object_grammar() { return "root ::= object\n" + std::string(gbnf::json_rules()); }

}  // namespace citer
