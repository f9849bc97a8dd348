#include "serve/messages_request.h"

#include <fmt/format.h>

#include "serve/api_error.h"
#include "serve/chat_fields.h"
#include "serve/messages.h"
#include "serve/request_fields.h"

namespace citer {

namespace {

void add_block(const Fields& block, const std::string& role, Conversation& conversation) {
  const std::string type = block.needed_string("type");
  const bool by_user = role == "user";
  block.find("cache_control");
  if (type == "text") {
    block.find("citations");
    conversation.add(role, block.string("text").value_or(""));
  } else if (type == "tool_result" && by_user) {
    block.boolean("is_error");
    const Json* content = block.find("content");
    conversation.add_result(
        block.needed_string("tool_use_id"),
        content == nullptr ? "" : parse_text(content, block.path("content"), {"text"}));
  } else if (type == "tool_use" && !by_user) {
    const Json* input = block.object("input") ? block.find("input") : nullptr;
    conversation.add_call(block.needed_string("id"), block.needed_string("name"),
                          input == nullptr ? "{}" : input->dump());
  } else if (type == "thinking" && !by_user) {
    block.find("signature");
    conversation.add_thought(block.string("thinking").value_or(""));
  } else {
    throw bad_field(block.path("type"), fmt::format("'{}' is not supported here", type));
  }
  block.refuse_others();
}

void add_message(const Fields& message, Conversation& conversation) {
  const std::string role = message.needed_string("role");
  if (role != "user" && role != "assistant") {
    throw bad_field(message.path("role"),
                    fmt::format("expected user or assistant, found '{}'", role));
  }
  const Json* content = message.find("content");
  if (content == nullptr) throw bad_field(message.path("content"), "missing");
  if (content->is_string()) {
    conversation.add(role, content->get<std::string>());
  } else {
    for (const auto& [block, place] : message.list("content")) {
      add_block(element_fields(*block, place), role, conversation);
    }
  }
  message.refuse_others();
}

Json parse_conversation(const Fields& fields) {
  Conversation conversation;
  if (const Json* system = fields.find("system")) {
    conversation.add("system", parse_text(system, "system", {"text"}));
  }
  const auto messages = fields.list("messages");
  if (messages.empty()) throw bad_field("messages", "expected an array of messages, not empty");
  for (const auto& [message, place] : messages) {
    add_message(element_fields(*message, place), conversation);
  }
  return conversation.messages();
}

void parse_choice(const Fields& choice, GenerationRequest& request) {
  const std::string type = choice.needed_string("type");
  if (choice.boolean("disable_parallel_tool_use").value_or(false)) {
    request.parallel_tool_calls = false;
  }
  if (type == "tool") {
    choose_tool(choice, "name", request);
  } else if (type == "any") {
    choose_tools("required", "tool_choice", request);
  } else if (type == "auto" || type == "none") {
    choose_tools(type, "tool_choice", request);
  } else {
    throw bad_field(choice.path("type"),
                    fmt::format("expected auto, any, tool or none, found '{}'", type));
  }
  choice.refuse_others();
}

void parse_functions(const Fields& fields, GenerationRequest& request) {
  for (const auto& [tool, place] : fields.list("tools")) {
    const Fields entry = element_fields(*tool, place);
    entry.refuse_unless("type", "custom");
    entry.find("cache_control");
    request.tools.push_back(parse_function(entry, "input_schema"));
    entry.refuse_others();
  }
  if (const auto choice = fields.object("tool_choice")) parse_choice(*choice, request);
  check_must_call(request);
}

void parse_thought(const Fields& fields, const RequestLimits& limits, GenerationRequest& request) {
  request.reasoning_budget = limits.defaults.reasoning_budget;
  const auto thinking = fields.object("thinking");
  if (!thinking) return;
  const std::string type = thinking->needed_string("type");
  if (type != "enabled" && type != "disabled" && type != "adaptive") {
    throw bad_field(thinking->path("type"),
                    fmt::format("expected enabled, disabled or adaptive, found '{}'", type));
  }
  request.template_kwargs["enable_thinking"] = type != "disabled";
  const auto budget = thinking->integer("budget_tokens", 0, kMostTokens);
  request.reasoning_budget = static_cast<int>(budget.value_or(request.reasoning_budget));
  thinking->refuse_others();
}

}  // namespace

GenerationRequest parse_messages_request(const Json& body, const RequestLimits& limits) {
  const Fields fields(body);
  GenerationRequest request = parse_shared_fields(fields, limits);
  request.api = ApiKind::kMessages;
  request.messages = parse_conversation(fields);
  parse_continuation(fields, request);
  parse_functions(fields, request);
  parse_thought(fields, limits, request);
  parse_stop(fields, "stop_sequences", limits, request);
  parse_max_tokens(fields, {"max_tokens"}, 0, limits, request);
  refuse_rest(fields);
  return request;
}

}  // namespace citer
