#include "serve/messages_response.h"

#include <utility>

namespace citer {

namespace {

std::string event(const char* type, Json data) {
  Json event = {{"type", type}};
  event.update(data);
  return sse_event(event.dump(), type);
}

const char* stop_reason(const Answer& answer, bool has_calls) {
  if (answer.finish == FinishReason::kLength) return "max_tokens";
  if (answer.finish == FinishReason::kStopString) return "stop_sequence";
  return has_calls ? "tool_use" : "end_turn";
}

Json tool_use(const ToolCall& call, Json input) {
  return {{"type", "tool_use"},
          {"id", random_id("toolu_")},
          {"name", call.name},
          {"input", std::move(input)}};
}

}  // namespace

MessagesWriter::MessagesWriter(const Vocab& vocab, ResponseFormat format, int prompt_tokens)
    : ResponseWriter(vocab, std::move(format), prompt_tokens),
      id_(random_id("msg_")),
      reader_(this->format()) {}

Json MessagesWriter::message() const {
  return {{"id", id_},
          {"type", "message"},
          {"role", "assistant"},
          {"model", format().model},
          {"content", Json::array()},
          {"stop_reason", nullptr},
          {"stop_sequence", nullptr},
          {"usage", usage_json({})}};
}

/// What was cached is counted apart from what was read.
Json MessagesWriter::usage_json(const std::vector<Answer>& answers) const {
  const Usage usage = this->usage(answers);
  return {{"input_tokens", usage.prompt - usage.cached},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", usage.cached},
          {"output_tokens", usage.written}};
}

std::string MessagesWriter::whole(const std::vector<Answer>& answers) {
  const AnswerParts parts = parts_of(answers.front(), format());
  Json whole = message();
  Json& content = whole["content"];
  if (!parts.reasoning.empty()) {
    content.push_back({{"type", "thinking"}, {"thinking", parts.reasoning}, {"signature", ""}});
  }
  if (!parts.content.empty()) content.push_back({{"type", "text"}, {"text", parts.content}});
  for (const ToolCall& call : parts.calls) {
    content.push_back(tool_use(call, Json::parse(call.arguments)));
  }
  whole["stop_reason"] = stop_reason(answers.front(), !parts.calls.empty());
  whole["usage"] = usage_json(answers);
  whole["citer"] = citer_object(answers);
  return whole.dump();
}

std::string MessagesWriter::begin(std::size_t /*index*/) {
  return event("message_start", {{"message", message()}});
}

std::string MessagesWriter::open(Json block) {
  return event("content_block_start", {{"index", blocks_++}, {"content_block", std::move(block)}});
}

std::string MessagesWriter::delta(Json delta) const {
  return event("content_block_delta", {{"index", blocks_ - 1}, {"delta", std::move(delta)}});
}

std::string MessagesWriter::close_block() {
  if (std::exchange(block_, Block::kNone) == Block::kNone) return "";
  return event("content_block_stop", {{"index", blocks_ - 1}});
}

std::string MessagesWriter::add_text(Block kind, const std::string& text) {
  if (text.empty()) return "";
  const char* name = kind == Block::kText ? "text" : "thinking";
  std::string events;
  if (block_ != kind) {
    events = close_block();
    events += open({{"type", name}, {name, ""}});
    block_ = kind;
  }
  return events + delta({{"type", std::string(name) + "_delta"}, {name, text}});
}

std::string MessagesWriter::grow(std::size_t /*index*/, const Growth& growth) {
  const AnswerParts parts = reader_.push(growth);
  std::string events = add_text(Block::kThinking, parts.reasoning);
  return events + add_text(Block::kText, parts.content);
}

std::string MessagesWriter::end(std::size_t /*index*/, const Answer& answer) {
  const AnswerParts parts = reader_.finish(answer);
  std::string events = add_text(Block::kText, parts.content);
  events += close_block();
  for (const ToolCall& call : parts.calls) {
    events += open(tool_use(call, Json::object()));
    block_ = Block::kText;  // one is under way
    events += delta({{"type", "input_json_delta"}, {"partial_json", call.arguments}});
    events += close_block();
  }
  has_calls_ = !parts.calls.empty();
  return events;
}

std::string MessagesWriter::close(const std::vector<Answer>& answers) {
  const Json ended = {{"stop_reason", stop_reason(answers.front(), has_calls_)},
                      {"stop_sequence", nullptr}};
  return event(
             "message_delta",
             {{"delta", ended}, {"usage", usage_json(answers)}, {"citer", citer_object(answers)}}) +
         event("message_stop", Json::object());
}

std::string MessagesWriter::fail(const ApiError& error) {
  return event("error", Json::parse(error_body(error)));
}

}  // namespace citer
