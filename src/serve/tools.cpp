#include "serve/tools.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace citer {

namespace {

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
    if (!text.starts_with(kToolCallOpen)) return {};
    text.remove_prefix(kToolCallOpen.size());
    const std::size_t end = std::min(text.find(kToolCallClose), text.size());
    const auto call = parse_call(text.substr(0, end));
    if (!call) return {};
    calls.push_back(*call);
    text.remove_prefix(std::min(end + kToolCallClose.size(), text.size()));
  }
  return calls;
}

/// How much of the end of `text` may be the beginning of a call's tag.
std::size_t begun_tag(std::string_view text) {
  std::size_t size = std::min(kToolCallOpen.size() - 1, text.size());
  while (size > 0 && !text.ends_with(kToolCallOpen.substr(0, size))) --size;
  return size;
}

}  // namespace

std::optional<ToolCallForm> tool_call_form(const std::string& chat_template) {
  const auto has = [&](std::string_view text) {
    return chat_template.find(text) != std::string::npos;
  };
  if (has("<function=")) return std::nullopt;
  if (has(kToolCallOpen)) return ToolCallForm::kTagged;
  if (has(R"({"name": )") && has(R"("parameters": )")) return ToolCallForm::kBare;
  return std::nullopt;
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
  const std::size_t open = held_.find(kToolCallOpen);
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
