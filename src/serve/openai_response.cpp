#include "serve/openai_response.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace citer {

namespace {

/// Characters in UTF-8 text.
std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

/// `offset` is where the first token's text stands, in characters; moved to behind the last.
Json completion_logprobs(const Vocab& vocab, const std::vector<TokenRecord>& tokens,
                         std::size_t& offset) {
  Json texts = Json::array();
  Json logprobs = Json::array();
  Json tops = Json::array();
  Json offsets = Json::array();
  for (const TokenRecord& token : tokens) {
    texts.push_back(token_text(vocab, token.id));
    Json top;
    Json own;
    if (token.logprobs) {
      own = token.logprobs->logprob;
      top = Json::object();
      for (const auto& [id, logprob] : token.logprobs->top) top[token_text(vocab, id)] = logprob;
      top[token_text(vocab, token.id)] = own;  // likely or not, as OpenAI has it
    }
    logprobs.push_back(std::move(own));
    tops.push_back(std::move(top));
    offsets.push_back(offset);
    offset += count_characters(token.piece);
  }
  return {{"tokens", std::move(texts)},
          {"token_logprobs", std::move(logprobs)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

Json calls_json(const std::vector<ToolCall>& calls, bool is_chunk) {
  Json list = Json::array();
  for (const ToolCall& call : calls) {
    Json entry = Json::object();
    if (is_chunk) entry["index"] = list.size();
    entry["id"] = random_id("call-");
    entry["type"] = "function";
    entry["function"] = {{"name", call.name}, {"arguments", call.arguments}};
    list.push_back(std::move(entry));
  }
  return list;
}

/// An answer that was cut off ends by that, whatever it called.
std::string finish_reason(const Answer& answer, const std::vector<ToolCall>& calls) {
  const bool calls_end_it = !calls.empty() && answer.finish != FinishReason::kLength;
  return calls_end_it ? "tool_calls" : to_string(answer.finish);
}

std::vector<TokenRecord> joined(const std::vector<TokenRecord>& prompt,
                                const std::vector<TokenRecord>& answer) {
  std::vector<TokenRecord> all = prompt;
  all.insert(all.end(), answer.begin(), answer.end());
  return all;
}

}  // namespace

CompletionWriter::CompletionWriter(const Vocab& vocab, ResponseFormat format, int prompt_tokens)
    : ResponseWriter(vocab, std::move(format), prompt_tokens),
      id_(random_id(is_chat() ? "chatcmpl-" : "cmpl-")) {
  for (const std::string& echo : this->format().echoes) offsets_.push_back(count_characters(echo));
}

Json CompletionWriter::head(bool is_chunk) const {
  const char* object = "text_completion";
  if (is_chat()) object = is_chunk ? "chat.completion.chunk" : "chat.completion";
  Json head = {{"id", id_}, {"object", object}, {"created", created()}, {"model", format().model}};
  if (!format().fingerprint.empty()) head["system_fingerprint"] = format().fingerprint;
  return head;
}

Json CompletionWriter::choice_logprobs(const std::vector<TokenRecord>& tokens,
                                       std::size_t& offset) const {
  if (!format().logprobs) return nullptr;
  if (is_chat()) return {{"content", token_logprobs(vocab(), tokens)}};
  return completion_logprobs(vocab(), tokens, offset);
}

Json CompletionWriter::usage_json(const std::vector<Answer>& answers) const {
  const Usage usage = this->usage(answers);
  Json json = {{"prompt_tokens", usage.prompt},
               {"completion_tokens", usage.written},
               {"total_tokens", usage.prompt + usage.written},
               {"prompt_tokens_details", {{"cached_tokens", usage.cached}}}};
  if (is_chat()) json["completion_tokens_details"] = {{"reasoning_tokens", usage.reasoning}};
  return json;
}

Json CompletionWriter::whole_choice(std::size_t index, const Answer& answer) const {
  const std::vector<std::string>& echoes = format().echoes;
  const std::string echo = index < echoes.size() ? echoes[index] : "";
  std::size_t offset = answer.prompt.empty() ? count_characters(echo) : 0;
  Json logprobs = choice_logprobs(joined(answer.prompt, answer.tokens), offset);
  std::string finish = to_string(answer.finish);
  Json choice = {{"index", index}};
  if (is_chat()) {
    const AnswerParts parts = parts_of(answer, format());
    Json message = {{"role", "assistant"}, {"content", parts.content}, {"refusal", nullptr}};
    const bool only_calls = format().tools && parts.content.empty();
    if (only_calls && (!parts.calls.empty() || format().tools->must_call)) {
      message["content"] = nullptr;
    }
    if (!parts.calls.empty()) message["tool_calls"] = calls_json(parts.calls, false);
    if (!parts.reasoning.empty()) message["reasoning_content"] = parts.reasoning;
    choice["message"] = std::move(message);
    finish = finish_reason(answer, parts.calls);
  } else {
    choice["text"] = valid_utf8(echo + answer.text);
  }
  choice["logprobs"] = std::move(logprobs);
  choice["finish_reason"] = finish;
  return choice;
}

std::string CompletionWriter::whole(const std::vector<Answer>& answers) {
  Json response = head(false);
  Json choices = Json::array();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    choices.push_back(whole_choice(i, answers[i]));
    if (answers.size() > 1) choices.back()["citer"] = citer_object({answers[i]});
  }
  response["choices"] = std::move(choices);
  response["usage"] = usage_json(answers);
  if (answers.size() == 1) response["timings"] = Timings(answers.front()).json();
  response["citer"] = citer_object(answers);
  if (!format().prompts.empty()) response["__verbose"] = {{"prompt", format().prompts.front()}};
  return response.dump();
}

/// `delta` is an object for chat, a string for plain completions.
Json CompletionWriter::chunk_of(std::size_t index, Json delta, Json logprobs, Json finish) const {
  Json chunk = head(true);
  Json choice = {{"index", index}};
  choice[is_chat() ? "delta" : "text"] = std::move(delta);
  choice["logprobs"] = std::move(logprobs);
  choice["finish_reason"] = std::move(finish);
  chunk["choices"] = Json::array({std::move(choice)});
  if (format().include_usage) chunk["usage"] = nullptr;
  return chunk;
}

/// The role (chat; no content yet, as llama-server has it) or the echo.
std::string CompletionWriter::begin(std::size_t index) {
  Json delta = {{"role", "assistant"}, {"content", nullptr}};
  if (!is_chat()) {
    if (index >= format().echoes.size()) return "";
    delta = valid_utf8(format().echoes[index]);
  }
  return sse_event(chunk_of(index, std::move(delta), nullptr, nullptr).dump());
}

/// Where one answer's text stands.
AnswerReader& CompletionWriter::reader(std::size_t index) {
  while (readers_.size() <= index) readers_.emplace_back(format());
  return readers_[index];
}

Timings& CompletionWriter::timings(std::size_t index) {
  if (timings_.size() <= index) timings_.resize(index + 1);
  return timings_[index];
}

std::string CompletionWriter::grow(std::size_t index, const Growth& growth) {
  const bool has_tokens = !growth.tokens.empty() && (format().logprobs || format().trace);
  AnswerParts parts = reader(index).push(growth);
  for (const TokenRecord& token : growth.tokens) timings(index).add(token);
  if (parts.reasoning.empty() && parts.content.empty() && !has_tokens) return "";
  if (offsets_.size() <= index) offsets_.resize(index + 1);
  Json delta = parts.content;
  if (is_chat()) {
    delta = Json::object();
    if (!parts.reasoning.empty()) delta["reasoning_content"] = std::move(parts.reasoning);
    if (!parts.content.empty() || delta.empty()) delta["content"] = std::move(parts.content);
  }
  Json chunk =
      chunk_of(index, std::move(delta), choice_logprobs(growth.tokens, offsets_[index]), nullptr);
  if (format().trace) chunk["citer"] = {{"trace", trace_of(growth.tokens)}};
  if (format().timings_per_token) chunk["timings"] = timings(index).json();
  return sse_event(chunk.dump());
}

std::string CompletionWriter::end(std::size_t index, const Answer& answer) {
  const AnswerParts parts = reader(index).finish(answer);
  Json delta = is_chat() ? Json::object() : Json("");
  if (!parts.content.empty()) delta["content"] = parts.content;
  if (!parts.calls.empty()) delta["tool_calls"] = calls_json(parts.calls, true);
  Json chunk = chunk_of(index, std::move(delta), nullptr, finish_reason(answer, parts.calls));
  chunk["citer"] = citer_object({answer});
  chunk["citer"].erase("trace");  // its chunks had it
  chunk["timings"] = Timings(answer).json();
  return sse_event(chunk.dump());
}

std::string CompletionWriter::close(const std::vector<Answer>& answers) {
  std::string events;
  if (format().include_usage) {
    Json chunk = head(true);
    chunk["choices"] = Json::array();
    chunk["usage"] = usage_json(answers);
    if (answers.size() == 1) chunk["timings"] = Timings(answers.front()).json();
    events = sse_event(chunk.dump());
  }
  return events + sse_event("[DONE]");
}

std::string CompletionWriter::fail(const ApiError& error) { return sse_event(error_body(error)); }

}  // namespace citer
