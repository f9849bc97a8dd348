#include "serve/chat_fields.h"

#include <algorithm>

#include <fmt/format.h>

#include "serve/api_error.h"
#include "serve/request_fields.h"

namespace citer {

namespace {

/// Those of the tools that are named.
Json tools_named(const std::vector<std::string>& names, const std::string& field,
                 const GenerationRequest& request) {
  Json named = Json::array();
  for (const std::string& name : names) {
    const auto tool = std::find_if(request.tools.begin(), request.tools.end(),
                                   [&](const Json& t) { return t["function"]["name"] == name; });
    if (tool == request.tools.end()) {
      throw bad_field(field, fmt::format("'{}' is none of the tools", name));
    }
    named.push_back(*tool);
  }
  return named;
}

/// {"mode": ..., "tools": [{"type": "function", ...}]}; `nested`: the name stands in `function`.
void choose_allowed(const Fields& allowed, bool nested, GenerationRequest& request) {
  std::vector<std::string> names;
  for (const auto& [tool, place] : allowed.list("tools")) {
    const Fields fields = element_fields(*tool, place);
    fields.refuse_unless("type", "function");
    if (!nested) {
      names.push_back(fields.needed_string("name"));
    } else if (const auto function = fields.object("function")) {
      names.push_back(function->needed_string("name"));
    }
    fields.refuse_others();
  }
  if (names.empty()) throw bad_field(allowed.path("tools"), "expected tools");
  request.tools = tools_named(names, allowed.path("tools"), request);
  choose_tools(allowed.needed_string("mode"), allowed.path("mode"), request);
  allowed.refuse_others();
}

/// `tool_choice` as an object: of a function, or of those that are allowed. `nested`: what it says
/// stands in an object of its type's name, as in chat completions.
void choose_by_object(const Fields& choice, bool nested, GenerationRequest& request) {
  const std::string type = choice.string("type").value_or("function");
  if (type != "function" && type != "allowed_tools") choice.refuse_unless("type", "function");
  const bool is_list = type == "allowed_tools";
  const char* name_of_inner = is_list ? "allowed_tools" : "function";
  const auto inner = nested ? choice.object(name_of_inner) : std::nullopt;
  if (nested && !inner) throw bad_field(choice.path(name_of_inner), "missing");
  const Fields& holder = inner ? *inner : choice;
  if (is_list) {
    choose_allowed(holder, nested, request);
  } else {
    choose_tool(holder, "name", request);
    holder.refuse_others();
  }
  choice.refuse_others();
}

}  // namespace

Json parse_function(const Fields& fields, const char* parameters_name) {
  Json function = {{"name", fields.needed_string("name")}};
  if (const auto text = fields.string("description")) function["description"] = *text;
  fields.boolean("strict");  // a call that has to be made always keeps to its schema
  // `true` is the JSON schema that leaves everything open, as {} does.
  const Json* parameters = fields.find(parameters_name);
  if (parameters != nullptr && *parameters != true) fields.object(parameters_name);
  if (parameters != nullptr) function["parameters"] = *parameters;
  return {{"type", "function"}, {"function", std::move(function)}};
}

void choose_tool(const Fields& choice, const char* name, GenerationRequest& request) {
  request.must_call = tools_named({choice.needed_string(name)}, choice.path(name), request);
  request.parallel_tool_calls = false;
}

void choose_tools(const std::string& mode, const std::string& field, GenerationRequest& request) {
  if (mode == "none") {
    request.tools = nullptr;
  } else if (mode == "required") {
    if (request.tools.empty()) throw bad_field(field, "there are no tools to call");
    request.must_call = request.tools;
  } else if (mode != "auto") {
    throw bad_field(field, fmt::format("expected none, auto, required or an object that names a "
                                       "function, found '{}'",
                                       mode));
  }
}

void parse_tool_choice(const Fields& fields, bool nested, GenerationRequest& request) {
  request.parallel_tool_calls = fields.boolean("parallel_tool_calls");
  const Json* choice = fields.find("tool_choice");
  if (choice == nullptr) return;
  if (choice->is_object()) {
    choose_by_object(*fields.object("tool_choice"), nested, request);
  } else {
    choose_tools(*fields.string("tool_choice"), fields.path("tool_choice"), request);
  }
  check_must_call(request);
}

void check_must_call(const GenerationRequest& request) {
  if (request.must_call.empty() || request.sampling.grammar.empty()) return;
  throw bad_field("tool_choice", "a call that must be made leaves no room for another format");
}

void parse_tools(const Fields& fields, GenerationRequest& request) {
  for (const auto& [tool, place] : fields.list("tools")) {
    const Fields entry = element_fields(*tool, place);
    if (entry.string("type") != "function") {
      throw bad_field(entry.path("type"), "only tools of type function are supported");
    }
    const auto function = entry.object("function");
    if (!function) throw bad_field(entry.path("function"), "missing");
    request.tools.push_back(parse_function(*function, "parameters"));
    function->refuse_others();
    entry.refuse_others();
  }
  parse_tool_choice(fields, true, request);
}

void parse_continuation(const Fields& fields, GenerationRequest& request) {
  const Json& messages = request.messages;
  const auto is_said = [&](std::size_t from_end) {
    if (messages.size() < from_end) return false;
    const Json& message = messages[messages.size() - from_end];
    return message["role"] == "assistant" && !message.contains("tool_calls");
  };
  const auto continues = fields.boolean("continue_final_message");
  const auto begins = fields.boolean("add_generation_prompt");
  const bool begins_anew = begins.value_or(false);
  request.continues = continues.value_or(is_said(1) && !begins_anew);
  if (!request.continues) {
    if (begins) request.template_kwargs["add_generation_prompt"] = *begins;
    return;
  }
  if (begins_anew) {
    throw bad_field("continue_final_message", "add_generation_prompt says the contrary");
  }
  if (!is_said(1)) {
    throw bad_field("continue_final_message", "the last message is no text of the assistant's");
  }
  if (is_said(2)) {
    throw bad_field("messages",
                    "the assistant's last message, which is gone on with, follows "
                    "another of its own");
  }
}

void set_reasoning_effort(const std::string& effort, GenerationRequest& request) {
  request.template_kwargs["reasoning_effort"] = effort;
  if (effort == "none") request.template_kwargs["enable_thinking"] = false;
}

void parse_thinking(const Fields& fields, const RequestLimits& limits, GenerationRequest& request) {
  Json& variables = request.template_kwargs;
  const Json* given = fields.find("chat_template_kwargs");
  if (given != nullptr && fields.object("chat_template_kwargs")) variables = *given;
  if (const auto thinks = fields.boolean("enable_thinking")) variables["enable_thinking"] = *thinks;
  if (const auto effort = fields.string("reasoning_effort")) set_reasoning_effort(*effort, request);
  const std::string format = fields.string("reasoning_format").value_or("auto");
  if (format != "auto" && format != "deepseek" && format != "none") {
    throw bad_field("reasoning_format",
                    fmt::format("expected auto, deepseek or none, found '{}'", format));
  }
  request.keeps_thinking = format == "none";
  request.reasoning_budget = limits.defaults.reasoning_budget;
  // llama-server's, its newer one, vLLM's
  for (const char* name :
       {"thinking_budget_tokens", "reasoning_budget_tokens", "thinking_token_budget"}) {
    const auto budget = fields.integer(name, -1, kMostTokens);
    request.reasoning_budget = static_cast<int>(budget.value_or(request.reasoning_budget));
  }
}

}  // namespace citer
