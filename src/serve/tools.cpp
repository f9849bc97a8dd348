#include "serve/tools.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/text.h"

namespace citer {

namespace {

constexpr std::string_view kFence = "```";

/// The call that a JSON object stands for.
std::optional<ToolCall> parse_call(const Json& call) {
  if (!call.is_object() || !call.contains("name") || !call["name"].is_string()) return {};
  // Models mix the two names up.
  for (const char* key : {"arguments", "parameters"}) {
    if (call.contains(key) && call[key].is_object()) {
      return ToolCall{call["name"].get<std::string>(), call[key].dump()};
    }
  }
  return {};
}

/// Calls in one text, read from its beginning.
class CallReader {
 public:
  CallReader(std::string_view text, const std::vector<std::string>& names)
      : text_(text), names_(names) {}

  /// The calls up to the end, or to what is none.
  std::vector<ToolCall> read() {
    std::vector<ToolCall> calls;
    while (skip_between(), !text_.empty()) {
      std::optional<ToolCall> call;
      if (text_.starts_with(kToolCallOpen)) {
        call = tagged();
      } else if (text_.starts_with(kFence)) {
        call = fenced();
      } else {
        call = bare();
      }
      if (!call) break;
      calls.push_back(std::move(*call));
    }
    return calls;
  }
  bool is_at_end() const { return text_.empty(); }

 private:
  void skip_between() {
    while (!text_.empty() && (is_space(text_.front()) || text_.front() == ';')) {
      text_.remove_prefix(1);
    }
  }

  std::optional<ToolCall> tagged() {
    const std::size_t begin = kToolCallOpen.size();
    const std::size_t end = std::min(text_.find(kToolCallClose), text_.size());
    auto call = parse_call(Json::parse(text_.substr(begin, end - begin), nullptr, false));
    if (call) text_.remove_prefix(std::min(end + kToolCallClose.size(), text_.size()));
    return call;
  }

  std::optional<ToolCall> fenced() {
    const std::string_view whole = text_;
    text_.remove_prefix(std::min(text_.find('{'), text_.size()));
    auto call = bare();
    text_ = trim(text_);
    if (call && text_.starts_with(kFence)) text_.remove_prefix(kFence.size());
    if (!call) text_ = whole;
    return call;
  }

  std::optional<ToolCall> bare() {
    std::istringstream in{std::string(text_)};
    Json object;
    try {
      in >> object;
    } catch (const Json::exception&) {
      return {};
    }
    auto call = parse_call(object);
    if (!call || std::find(names_.begin(), names_.end(), call->name) == names_.end()) return {};
    const auto end = in.tellg();
    text_.remove_prefix(end < 0 ? text_.size() : static_cast<std::size_t>(end));
    return call;
  }

  std::string_view text_;
  const std::vector<std::string>& names_;
};

/// Whether a fence with an object in it begins here: no, perhaps (false), or for sure (true).
std::optional<bool> fenced_object(std::string_view text) {
  if (!text.starts_with(kFence))
    return kFence.starts_with(text) ? std::optional(false) : std::nullopt;
  text.remove_prefix(kFence.size());
  while (!text.empty() && text.front() >= 'a' && text.front() <= 'z') text.remove_prefix(1);
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  if (text.empty()) return false;
  return text.front() == '{' ? std::optional(true) : std::nullopt;
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

ToolText::Begin ToolText::find_begin() const {
  const std::string_view text = held_;
  bool is_first = !has_content_;  // nothing but blanks before
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with(kToolCallOpen)) return {i, true};
    if (kToolCallOpen.starts_with(rest)) return {i, false};
    if (is_first && rest.front() == '{') return {i, true};
    if (is_first || (i > 0 && text[i - 1] == '\n')) {
      if (const auto is_sure = fenced_object(rest)) return {i, *is_sure};
    }
    is_first = is_first && is_space(rest.front());
  }
  return {text.size(), false};
}

std::string ToolText::push(std::string_view text) {
  held_ += text;
  if (in_calls_) return "";
  const Begin begin = find_begin();
  in_calls_ = begin.is_sure;
  // Blanks before a call belong to neither.
  std::string content(trim_end(std::string_view(held_).substr(0, begin.at)));
  held_.erase(0, content.size());
  has_content_ = has_content_ || !content.empty();
  return content;
}

ToolText::Rest ToolText::finish(bool is_cut_off) {
  Rest rest;
  CallReader reader(in_calls_ ? std::string_view(held_) : "", tools_.names);
  rest.calls = reader.read();
  if (!reader.is_at_end() && !is_cut_off) rest.calls.clear();
  if (tools_.only_one && rest.calls.size() > 1) rest.calls.resize(1);
  const bool is_begun = is_cut_off && trim(held_).starts_with(kToolCallOpen);
  if (rest.calls.empty() && !is_begun && !tools_.must_call) rest.content = held_;
  held_.clear();
  return rest;
}

}  // namespace citer
