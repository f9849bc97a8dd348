#include "serve/tools.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "citer/error.h"
#include "grammar/grammar_text.h"
#include "grammar/json_schema.h"
#include "serve/api_error.h"

namespace citer {

namespace {

constexpr std::string_view kOpen = "<tool_call>";
constexpr std::string_view kClose = "</tool_call>";

const char* arguments_key(ToolCallForm form) {
  return form == ToolCallForm::kTagged ? "arguments" : "parameters";
}

/// The call that a JSON object stands for.
std::optional<ToolCall> parse_call(std::string_view text) {
  const Json call = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!call.is_object() || !call.contains("name") || !call["name"].is_string()) return {};
  // Models mix the two names up.
  for (const char* key : {"arguments", "parameters"}) {
    if (call.contains(key) && call[key].is_object()) {
      return ToolCall{call["name"].get<std::string>(), call[key].dump()};
    }
  }
  return {};
}

/// One call after the other, with nothing but blanks around them; empty where that is not so.
std::vector<ToolCall> parse_tagged(std::string_view text) {
  std::vector<ToolCall> calls;
  for (text = trim(text); !text.empty(); text = trim(text)) {
    if (!text.starts_with(kOpen)) return {};
    text.remove_prefix(kOpen.size());
    const std::size_t end = std::min(text.find(kClose), text.size());
    const auto call = parse_call(text.substr(0, end));
    if (!call) return {};
    calls.push_back(*call);
    text.remove_prefix(std::min(end + kClose.size(), text.size()));
  }
  return calls;
}

/// Moves a schema's references to where it stands in another.
void move_references(Json& schema, const std::string& to) {
  if (schema.is_object() && schema.contains("$ref") && schema["$ref"].is_string()) {
    const std::string from = schema["$ref"].get<std::string>();
    if (from.starts_with('#')) schema["$ref"] = to + from.substr(1);
  }
  if (!schema.is_structured()) return;
  for (Json& part : schema) move_references(part, to);
}

/// How much of the end of `text` may be the beginning of a call's tag.
std::size_t begun_tag(std::string_view text) {
  std::size_t size = std::min(kOpen.size() - 1, text.size());
  while (size > 0 && !text.ends_with(kOpen.substr(0, size))) --size;
  return size;
}

}  // namespace

std::optional<ToolCallForm> tool_call_form(const std::string& chat_template) {
  const auto has = [&](std::string_view text) {
    return chat_template.find(text) != std::string::npos;
  };
  if (has("<function=")) return std::nullopt;
  if (has(kOpen)) return ToolCallForm::kTagged;
  if (has(R"({"name": )") && has(R"("parameters": )")) return ToolCallForm::kBare;
  return std::nullopt;
}

std::string tool_call_grammar(ToolCallForm form, const Json& tools) {
  Json calls = Json::array();
  for (const Json& tool : tools) {
    const Json& function = tool["function"];
    Json parameters = {{"type", "object"}};
    if (function.contains("parameters")) parameters = function["parameters"];
    move_references(parameters,
                    fmt::format("#/anyOf/{}/properties/{}", calls.size(), arguments_key(form)));
    calls.push_back(
        {{"type", "object"},
         {"properties",
          {{"name", {{"const", function["name"]}}}, {arguments_key(form), std::move(parameters)}}},
         {"required", {"name", arguments_key(form)}},
         {"additionalProperties", false}});
  }
  std::string grammar;
  try {
    grammar = json_schema_to_grammar({{"anyOf", std::move(calls)}});
  } catch (const UsageError& e) {
    throw bad_field("tools", e.what());
  }
  if (form == ToolCallForm::kBare) return grammar;
  constexpr std::string_view kRoot = "root ::= ";
  return fmt::format("{}{} call {}\ncall ::= {}", kRoot, gbnf::literal(fmt::format("{}\n", kOpen)),
                     gbnf::literal(fmt::format("\n{}", kClose)), grammar.substr(kRoot.size()));
}

std::string ToolText::push(std::string_view text) {
  held_ += text;
  if (in_calls_) return "";
  if (in_content_) return std::exchange(held_, "");
  if (form_ == ToolCallForm::kBare) {
    const std::string_view begin = trim(held_);
    in_calls_ = begin.starts_with('{');
    in_content_ = !begin.empty() && !in_calls_;
    return in_content_ ? std::exchange(held_, "") : "";
  }
  const std::size_t open = held_.find(kOpen);
  in_calls_ = open != std::string::npos;
  // Blanks before a call belong to neither.
  const std::size_t sure = in_calls_ ? open : held_.size() - begun_tag(held_);
  std::string content(trim_end(std::string_view(held_).substr(0, sure)));
  held_.erase(0, content.size());
  return content;
}

ToolText::Rest ToolText::finish() {
  Rest rest;
  if (in_calls_ && form_ == ToolCallForm::kTagged) rest.calls = parse_tagged(held_);
  if (in_calls_ && form_ == ToolCallForm::kBare) {
    if (const auto call = parse_call(trim(held_))) rest.calls = {*call};
  }
  if (rest.calls.empty()) rest.content = held_;
  held_.clear();
  return rest;
}

}  // namespace citer
