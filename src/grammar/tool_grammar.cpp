#include "grammar/tool_grammar.h"

#include <utility>

#include <fmt/format.h>

#include "grammar/grammar_text.h"
#include "grammar/json_schema.h"

namespace citer {

namespace {

using Json = nlohmann::ordered_json;

/// Moves a schema's references to where it stands in another.
void move_references(Json& schema, const std::string& to) {
  if (schema.is_object() && schema.contains("$ref") && schema["$ref"].is_string()) {
    const std::string from = schema["$ref"].get<std::string>();
    if (from.starts_with('#')) schema["$ref"] = to + from.substr(1);
  }
  if (!schema.is_structured()) return;
  for (Json& part : schema) move_references(part, to);
}

/// Arguments are an object, whatever else the function's schema leaves open.
Json arguments_schema(const Json& function, const std::string& where) {
  Json object = {{"type", "object"}};
  Json parameters = function.value("parameters", Json());
  if (parameters.is_null()) return object;
  move_references(parameters, where + "/allOf/0");
  return {{"allOf", {std::move(parameters), object}}};
}

}  // namespace

std::string tool_call_grammar(ToolCallForm form, const Json& tools, bool several) {
  const char* key = form == ToolCallForm::kTagged ? "arguments" : "parameters";
  Json calls = Json::array();
  for (const Json& tool : tools) {
    const Json& function = tool["function"];
    const std::string where = fmt::format("#/anyOf/{}/properties/{}", calls.size(), key);
    calls.push_back(
        {{"type", "object"},
         {"properties",
          {{"name", {{"const", function["name"]}}}, {key, arguments_schema(function, where)}}},
         {"required", {"name", key}},
         {"additionalProperties", false}});
  }
  std::string grammar = json_schema_to_grammar({{"anyOf", std::move(calls)}});
  if (form == ToolCallForm::kBare) return grammar;
  constexpr std::string_view kRoot = "root ::= ";
  return fmt::format(
      "{}tagged{}\ntagged ::= {} call {}\ncall ::= {}", kRoot, several ? R"( ("\n" tagged)*)" : "",
      gbnf::literal(fmt::format("{}\n", kToolCallOpen)),
      gbnf::literal(fmt::format("\n{}", kToolCallClose)), grammar.substr(kRoot.size()));
}

}  // namespace citer
