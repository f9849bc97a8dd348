#include "serve/output_format.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "citer/error.h"
#include "grammar/grammar_text.h"
#include "grammar/json_schema.h"
#include "serve/api_error.h"

namespace citer {

namespace {

std::string schema_grammar(const Json& schema, const std::string& path) {
  try {
    return json_schema_to_grammar(schema);
  } catch (const UsageError& e) {
    throw bad_field(path, e.what());
  }
}

/// The grammar that a response_format stands for.
std::string format_grammar(const Fields& response_format) {
  const auto type = response_format.string("type");
  if (!type) throw bad_field(response_format.path("type"), "missing");
  if (*type == "text") return "";
  const bool is_object = *type == "json_object";
  if (is_object && response_format.find("schema") == nullptr) return json_object_grammar();
  if (!is_object && *type != "json_schema") {
    throw bad_field(response_format.path("type"),
                    fmt::format("expected text, json_object or json_schema, found '{}'", *type));
  }
  // OpenAI nests the schema in `json_schema`; llama-server takes it beside `type`, too.
  const auto nested = is_object ? std::nullopt : response_format.object("json_schema");
  const Fields& holder = nested ? *nested : response_format;
  if (!nested && holder.find("schema") == nullptr) {
    throw bad_field(holder.path("json_schema"), "missing");
  }
  for (const char* label : {"name", "description"}) holder.string(label);
  holder.boolean("strict");  // a schema is always kept to
  const Json* schema = holder.find("schema");
  holder.refuse_others();
  if (schema == nullptr) throw bad_field(holder.path("schema"), "missing");
  return schema_grammar(*schema, holder.path("schema"));
}

/// vLLM's choice: one of these texts, as they are.
std::string choice_grammar(const Fields& fields, const char* name) {
  std::vector<std::string> texts;
  for (const auto& [choice, place] : fields.list(name)) {
    if (!choice->is_string()) throw bad_field(place, "expected a string");
    texts.push_back(gbnf::literal(choice->get_ref<const std::string&>()));
  }
  if (texts.empty()) throw bad_field(fields.path(name), "expected texts to choose from");
  return "root ::= " + gbnf::choice(texts);
}

/// vLLM's ways to say it: of an object, or with a prefix to their names.
struct StructuredNames {
  const char* json;
  const char* choice;
  const char* grammar;
  const char* regex;
};

void take_structured(const Fields& fields, const StructuredNames& names,
                     GenerationRequest& request) {
  if (const Json* schema = fields.find(names.json)) {
    set_grammar(fields.path(names.json), schema_grammar(*schema, fields.path(names.json)), request);
  }
  if (fields.find(names.choice) != nullptr) {
    set_grammar(fields.path(names.choice), choice_grammar(fields, names.choice), request);
  }
  if (const auto grammar = fields.string(names.grammar)) {
    set_grammar(fields.path(names.grammar), *grammar, request);
  }
  fields.refuse_unless(names.regex, nullptr);
}

}  // namespace

void set_grammar(const std::string& field, std::string grammar, GenerationRequest& request) {
  if (grammar.empty()) return;
  if (!request.grammar_field.empty()) {
    throw bad_field(request.grammar_field,
                    fmt::format("what the answer must match is said by {}, too", field));
  }
  request.grammar_field = field;
  request.sampling.grammar = std::move(grammar);
}

void set_format(const Fields& format, const std::string& field, GenerationRequest& request) {
  set_grammar(field, format_grammar(format), request);
  format.refuse_others();
}

void parse_output_format(const Fields& fields, GenerationRequest& request) {
  if (const auto grammar = fields.string("grammar")) set_grammar("grammar", *grammar, request);
  if (const Json* schema = fields.find("json_schema")) {
    set_grammar("json_schema", schema_grammar(*schema, "json_schema"), request);
  }
  take_structured(fields, {"guided_json", "guided_choice", "guided_grammar", "guided_regex"},
                  request);
  const auto structured = fields.object("structured_outputs");
  if (!structured) return;
  take_structured(*structured, {"json", "choice", "grammar", "regex"}, request);
  if (structured->boolean("json_object").value_or(false)) {
    set_grammar("structured_outputs.json_object", json_object_grammar(), request);
  }
  structured->refuse_others();
}

}  // namespace citer
