#include "serve/messages.h"

#include <algorithm>

#include <fmt/format.h>

#include "serve/api_error.h"

namespace citer {

namespace {

/// Calls that the assistant made earlier, their arguments as JSON text.
Json parse_tool_calls(const Fields& message) {
  Json parsed = Json::array();
  for (const auto& [element, place] : message.list("tool_calls")) {
    const Fields call = element_fields(*element, place);
    call.refuse_unless("type", "function");
    call.find("index");  // clients that gathered a stream leave it there
    const auto function = call.object("function");
    if (!function) throw bad_field(call.path("function"), "missing");
    parsed.push_back(tool_call_json(call.string("id").value_or(""), function->needed_string("name"),
                                    function->string("arguments").value_or("{}")));
    function->refuse_others();
    call.refuse_others();
  }
  return parsed;
}

/// A message with its content as text.
Json parse_message(const Json& message, const std::string& path) {
  const Fields fields = element_fields(message, path);
  std::string role = fields.string("role").value_or("");
  if (role == "developer") role = "system";  // OpenAI's newer name
  if (role != "system" && role != "user" && role != "assistant" && role != "tool") {
    throw bad_field(fields.path("role"),
                    fmt::format("expected system, user, assistant or tool, found '{}'", role));
  }
  const bool by_assistant = role == "assistant";
  const Json calls = by_assistant ? parse_tool_calls(fields) : Json::array();
  const Json* content = fields.find("content");
  if (content == nullptr && by_assistant) content = fields.find("refusal");
  const bool only_calls = content == nullptr && !calls.empty();
  Json parsed = {{"role", role},
                 {"content", only_calls ? "" : parse_text(content, fields.path("content"))}};
  if (!calls.empty()) parsed["tool_calls"] = calls;
  if (by_assistant) {
    // Templates leave out what was thought before the last question, or not.
    if (const auto thought = fields.string("reasoning_content")) {
      parsed["reasoning_content"] = *thought;
    }
    for (const char* name : {"refusal", "annotations"}) fields.find(name);
    for (const char* name : {"audio", "function_call"}) fields.refuse_unless(name, nullptr);
  }
  if (role == "tool") parsed["tool_call_id"] = fields.string("tool_call_id").value_or("");
  if (const auto name = fields.string("name")) parsed["name"] = *name;
  fields.refuse_others();
  return parsed;
}

}  // namespace

std::string parse_text(const Json* content, const std::string& path,
                       std::initializer_list<std::string_view> types) {
  if (content != nullptr && content->is_string()) return content->get<std::string>();
  if (content == nullptr || !content->is_array()) {
    throw bad_field(path, "expected a string or an array of text parts");
  }
  std::string text;
  for (std::size_t i = 0; i < content->size(); ++i) {
    const Fields part = element_fields((*content)[i], fmt::format("{}[{}]", path, i));
    const std::string type = part.string("type").value_or("text");
    if (std::find(types.begin(), types.end(), type) == types.end()) {
      throw bad_field(part.path("type"), fmt::format("only text is supported, not '{}'", type));
    }
    const auto more = part.string(type == "refusal" ? "refusal" : "text");
    if (!more) throw bad_field(part.path("text"), "missing");
    text += *more;
    // What providers add to the text of answers, and hints to their caches.
    for (const char* name : {"annotations", "logprobs", "citations", "cache_control"}) {
      part.find(name);
    }
    part.refuse_others();
  }
  return text;
}

Json tool_call_json(const std::string& id, const std::string& name, const std::string& arguments) {
  return {
      {"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}};
}

/// The assistant's message that is under way.
Json& Conversation::assistant() {
  if (messages_.empty() || messages_.back()["role"] != "assistant") {
    messages_.push_back({{"role", "assistant"}, {"content", ""}});
  }
  return messages_.back();
}

void Conversation::add(const std::string& role, const std::string& text) {
  if (role != "assistant") {
    messages_.push_back({{"role", role}, {"content", text}});
    return;
  }
  Json& content = assistant()["content"];
  content = content.get<std::string>() + text;
}

void Conversation::add_thought(const std::string& text) {
  Json& message = assistant();
  message["reasoning_content"] = message.value("reasoning_content", "") + text;
}

void Conversation::add_call(const std::string& id, const std::string& name,
                            const std::string& arguments) {
  assistant()["tool_calls"].push_back(tool_call_json(id, name, arguments));
}

void Conversation::add_result(const std::string& call_id, const std::string& text) {
  messages_.push_back({{"role", "tool"}, {"content", text}, {"tool_call_id", call_id}});
}

Json parse_messages(const Fields& fields) {
  const auto elements = fields.list("messages");
  if (elements.empty()) throw bad_field("messages", "expected an array of messages, not empty");
  Json messages = Json::array();
  for (const auto& [message, place] : elements) messages.push_back(parse_message(*message, place));
  return messages;
}

}  // namespace citer
