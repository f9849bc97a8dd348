#include "serve/responses_request.h"

#include <fmt/format.h>

#include "serve/api_error.h"
#include "serve/chat_fields.h"
#include "serve/messages.h"
#include "serve/output_format.h"
#include "serve/request_fields.h"

namespace citer {

namespace {

constexpr std::string_view kLogprobs = "message.output_text.logprobs";

std::string parse_item_text(const Fields& item, const char* name) {
  return parse_text(item.find(name), item.path(name),
                    {"input_text", "output_text", "text", "refusal", "reasoning_text"});
}

void add_message(const Fields& item, Conversation& conversation) {
  std::string role = item.needed_string("role");
  if (role == "developer") role = "system";
  if (role != "system" && role != "user" && role != "assistant") {
    throw bad_field(item.path("role"),
                    fmt::format("expected system, developer, user or assistant, found '{}'", role));
  }
  item.find("phase");
  conversation.add(role, parse_item_text(item, "content"));
}

void add_item(const Fields& item, Conversation& conversation) {
  const std::string type = item.string("type").value_or("message");
  for (const char* name : {"id", "status"}) item.find(name);  // of the answer it comes from
  if (type == "message") {
    add_message(item, conversation);
  } else if (type == "function_call") {
    conversation.add_call(item.needed_string("call_id"), item.needed_string("name"),
                          item.string("arguments").value_or("{}"));
  } else if (type == "function_call_output") {
    conversation.add_result(item.needed_string("call_id"), parse_item_text(item, "output"));
  } else if (type == "reasoning") {
    for (const char* name : {"summary", "encrypted_content"}) item.find(name);
    if (item.find("content") != nullptr) {
      conversation.add_thought(parse_item_text(item, "content"));
    }
  } else {
    throw bad_field(item.path("type"), fmt::format("'{}' is not supported", type));
  }
  item.refuse_others();
}

Json parse_input(const Fields& fields) {
  Conversation conversation;
  if (const auto instructions = fields.string("instructions")) {
    conversation.add("system", *instructions);
  }
  const Json* input = fields.find("input");
  if (input == nullptr) throw bad_field("input", "missing");
  if (input->is_string()) {
    conversation.add("user", input->get<std::string>());
  } else {
    const auto items = fields.list("input");
    if (items.empty()) throw bad_field("input", "expected items, not none");
    for (const auto& [item, place] : items) add_item(element_fields(*item, place), conversation);
  }
  return conversation.messages();
}

void parse_text_options(const Fields& fields, GenerationRequest& request) {
  const auto text = fields.object("text");
  if (!text) return;
  if (const auto format = text->object("format")) set_format(*format, "text.format", request);
  text->refuse_unless("verbosity", "medium");
  text->refuse_others();
}

void parse_functions(const Fields& fields, GenerationRequest& request) {
  for (const auto& [tool, place] : fields.list("tools")) {
    const Fields entry = element_fields(*tool, place);
    if (entry.string("type") != "function") {
      throw bad_field(entry.path("type"), "only tools of type function are supported");
    }
    request.tools.push_back(parse_function(entry, "parameters"));
    entry.refuse_others();
  }
  parse_tool_choice(fields, false, request);
}

void parse_reasoning(const Fields& fields, const RequestLimits& limits,
                     GenerationRequest& request) {
  parse_thinking(fields, limits, request);
  const auto reasoning = fields.object("reasoning");
  if (!reasoning) return;
  if (const auto effort = reasoning->string("effort")) set_reasoning_effort(*effort, request);
  // What is thought is told whole: there is no summary of it.
  for (const char* name : {"summary", "generate_summary"}) reasoning->refuse_unless(name, "auto");
  reasoning->refuse_others();
}

void parse_logprobs(const Fields& fields, GenerationRequest& request) {
  bool logprobs = false;
  for (const auto& [what, place] : fields.list("include")) {
    if (*what != kLogprobs) {
      throw bad_field(place, fmt::format("not supported, but for \"{}\"", kLogprobs));
    }
    logprobs = true;
  }
  const auto top = fields.integer("top_logprobs", 0, kMostTopLogprobs).value_or(0);
  if (top > 0 && !logprobs) {
    throw bad_field("top_logprobs", fmt::format("needs include to have \"{}\"", kLogprobs));
  }
  request.sampling.top_logprobs = logprobs ? static_cast<int>(top) : -1;
}

/// What the answer repeats of its request, so that it explains itself.
Json told_back(const Json& body) {
  Json told = {{"instructions", nullptr},
               {"max_output_tokens", nullptr},
               {"metadata", Json::object()},
               {"parallel_tool_calls", true},
               {"reasoning", {{"effort", nullptr}, {"summary", nullptr}}},
               {"temperature", nullptr},
               {"text", {{"format", {{"type", "text"}}}}},
               {"tool_choice", "auto"},
               {"tools", Json::array()},
               {"top_p", nullptr}};
  for (auto& [name, value] : told.items()) {
    if (body.contains(name) && !body[name].is_null()) value = body[name];
  }
  return told;
}

}  // namespace

GenerationRequest parse_responses_request(const Json& body, const RequestLimits& limits) {
  const Fields fields(body);
  GenerationRequest request = parse_shared_fields(fields, limits);
  request.api = ApiKind::kResponses;
  request.messages = parse_input(fields);
  parse_text_options(fields, request);
  parse_functions(fields, request);
  parse_reasoning(fields, limits, request);
  parse_logprobs(fields, request);
  parse_stop(fields, "stop", limits, request);
  parse_max_tokens(fields, {"max_output_tokens"}, 0, limits, request);
  fields.refuse_unless("truncation", "disabled");
  // Nothing is stored: there is no answer, conversation or prompt to go on with.
  for (const char* name : {"previous_response_id", "conversation", "prompt", "max_tool_calls"}) {
    fields.refuse_unless(name, nullptr);
  }
  if (const auto options = fields.object("stream_options")) {
    options->refuse_unless("include_obfuscation", false);
    options->refuse_others();
    if (!request.stream) throw bad_field("stream_options", "needs stream to be true");
  }
  request.told_back = told_back(body);
  refuse_rest(fields);
  return request;
}

}  // namespace citer
