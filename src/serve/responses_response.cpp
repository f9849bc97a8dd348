#include "serve/responses_response.h"

#include <utility>

namespace citer {

namespace {

Json reasoning_item(const std::string& id, const std::string& text, const char* status) {
  Json content = Json::array();
  if (!text.empty()) content.push_back({{"type", "reasoning_text"}, {"text", text}});
  return {{"id", id},
          {"type", "reasoning"},
          {"summary", Json::array()},
          {"content", std::move(content)},
          {"status", status}};
}

Json text_part(const std::string& text, const Json& logprobs) {
  return {{"type", "output_text"},
          {"text", text},
          {"annotations", Json::array()},
          {"logprobs", logprobs}};
}

Json message_item(const std::string& id, Json content, const char* status) {
  return {{"id", id},
          {"type", "message"},
          {"role", "assistant"},
          {"content", std::move(content)},
          {"status", status}};
}

Json call_item(const std::string& id, const std::string& call_id, const ToolCall& call,
               const char* status) {
  return {{"id", id},          {"type", "function_call"},     {"call_id", call_id},
          {"name", call.name}, {"arguments", call.arguments}, {"status", status}};
}

constexpr const char* kUnderWay = "in_progress";
constexpr const char* kDone = "completed";

}  // namespace

ResponsesWriter::ResponsesWriter(const Vocab& vocab, ResponseFormat format, int prompt_tokens)
    : ResponseWriter(vocab, std::move(format), prompt_tokens),
      id_(random_id("resp_")),
      reader_(this->format()) {}

Json ResponsesWriter::response(const char* status) const {
  Json response = {{"id", id_},
                   {"object", "response"},
                   {"created_at", created()},
                   {"status", status},
                   {"error", nullptr},
                   {"incomplete_details", nullptr},
                   {"model", format().model},
                   {"output", output_},
                   {"previous_response_id", nullptr},
                   {"store", false},
                   {"truncation", "disabled"}};
  response.update(format().told_back);
  response["usage"] = nullptr;
  return response;
}

/// With the finished items, what it cost, and how it ended.
Json ResponsesWriter::finished(const std::vector<Answer>& answers) const {
  const bool is_cut_off = answers.front().finish == FinishReason::kLength;
  Json finished = response(is_cut_off ? "incomplete" : kDone);
  if (is_cut_off) finished["incomplete_details"] = {{"reason", "max_output_tokens"}};
  const Usage usage = this->usage(answers);
  finished["usage"] = {{"input_tokens", usage.prompt},
                       {"input_tokens_details", {{"cached_tokens", usage.cached}}},
                       {"output_tokens", usage.written},
                       {"output_tokens_details", {{"reasoning_tokens", usage.reasoning}}},
                       {"total_tokens", usage.prompt + usage.written}};
  finished["citer"] = citer_object(answers);
  return finished;
}

std::string ResponsesWriter::whole(const std::vector<Answer>& answers) {
  const Answer& answer = answers.front();
  const AnswerParts parts = parts_of(answer, format());
  if (!parts.reasoning.empty()) {
    output_.push_back(reasoning_item(random_id("rs_"), parts.reasoning, kDone));
  }
  if (!parts.content.empty()) {
    const Json logprobs =
        format().logprobs ? token_logprobs(vocab(), answer.tokens) : Json::array();
    output_.push_back(
        message_item(random_id("msg_"), Json::array({text_part(parts.content, logprobs)}), kDone));
  }
  for (const ToolCall& call : parts.calls) {
    output_.push_back(call_item(random_id("fc_"), random_id("call_"), call, kDone));
  }
  return finished(answers).dump();
}

std::string ResponsesWriter::event(const char* type, Json data) {
  Json event = {{"type", type}, {"sequence_number", events_++}};
  event.update(data);
  return sse_event(event.dump(), type);
}

std::string ResponsesWriter::begin(std::size_t /*index*/) {
  const Json begun = {{"response", response(kUnderWay)}};
  std::string events = event("response.created", begun);
  return events += event("response.in_progress", begun);
}

/// Where the item under way stands.
Json ResponsesWriter::place() const {
  return {{"item_id", item_id_}, {"output_index", output_.size()}, {"content_index", 0}};
}

std::string ResponsesWriter::open(Item kind) {
  item_ = kind;
  text_.clear();
  logprobs_ = Json::array();
  const bool is_message = kind == Item::kMessage;
  item_id_ = random_id(is_message ? "msg_" : "rs_");
  std::string events = event("response.output_item.added",
                             {{"output_index", output_.size()},
                              {"item", is_message ? message_item(item_id_, Json::array(), kUnderWay)
                                                  : reasoning_item(item_id_, "", kUnderWay)}});
  if (is_message) {
    Json added = place();
    added["part"] = text_part("", Json::array());
    events += event("response.content_part.added", std::move(added));
  }
  return events;
}

std::string ResponsesWriter::close_item() {
  if (item_ == Item::kNone) return "";
  const bool is_message = std::exchange(item_, Item::kNone) == Item::kMessage;
  Json done = place();
  done["text"] = text_;
  std::string events;
  Json item;
  if (is_message) {
    const Json part = text_part(text_, logprobs_);
    done["logprobs"] = logprobs_;
    events = event("response.output_text.done", std::move(done));
    Json part_done = place();
    part_done["part"] = part;
    events += event("response.content_part.done", std::move(part_done));
    item = message_item(item_id_, Json::array({part}), kDone);
  } else {
    events = event("response.reasoning_text.done", std::move(done));
    item = reasoning_item(item_id_, text_, kDone);
  }
  events += event("response.output_item.done", {{"output_index", output_.size()}, {"item", item}});
  output_.push_back(std::move(item));
  return events;
}

std::string ResponsesWriter::add_text(Item kind, const std::string& text) {
  if (text.empty()) return "";
  std::string events;
  if (item_ != kind) {
    events = close_item();
    events += open(kind);
  }
  text_ += text;
  Json delta = place();
  delta["delta"] = text;
  const bool is_message = kind == Item::kMessage;
  if (is_message) delta["logprobs"] = Json::array();
  return events + event(is_message ? "response.output_text.delta" : "response.reasoning_text.delta",
                        std::move(delta));
}

std::string ResponsesWriter::grow(std::size_t /*index*/, const Growth& growth) {
  const AnswerParts parts = reader_.push(growth);
  std::string events = add_text(Item::kReasoning, parts.reasoning);
  return events + add_text(Item::kMessage, parts.content);
}

std::string ResponsesWriter::call_events(const ToolCall& call) {
  const std::string id = random_id("fc_");
  const std::string call_id = random_id("call_");
  const Json item = call_item(id, call_id, call, kDone);
  const Json where = {{"item_id", id}, {"output_index", output_.size()}};
  Json delta = where;
  delta["delta"] = call.arguments;
  Json done = where;
  done["name"] = call.name;
  done["arguments"] = call.arguments;
  std::string events = event("response.output_item.added",
                             {{"output_index", output_.size()},
                              {"item", call_item(id, call_id, {call.name, ""}, kUnderWay)}});
  events += event("response.function_call_arguments.delta", std::move(delta));
  events += event("response.function_call_arguments.done", std::move(done));
  events += event("response.output_item.done", {{"output_index", output_.size()}, {"item", item}});
  output_.push_back(item);
  return events;
}

std::string ResponsesWriter::end(std::size_t /*index*/, const Answer& answer) {
  const AnswerParts parts = reader_.finish(answer);
  std::string events = add_text(Item::kMessage, parts.content);
  if (format().logprobs) logprobs_ = token_logprobs(vocab(), answer.tokens);
  events += close_item();
  for (const ToolCall& call : parts.calls) events += call_events(call);
  return events;
}

std::string ResponsesWriter::close(const std::vector<Answer>& answers) {
  const Json last = finished(answers);
  const bool is_done = last["status"] == kDone;
  return event(is_done ? "response.completed" : "response.incomplete", {{"response", last}});
}

std::string ResponsesWriter::fail(const ApiError& error) {
  return event("error", {{"code", error.code()},
                         {"message", error.what()},
                         {"param", error.param().empty() ? Json() : Json(error.param())}});
}

}  // namespace citer
