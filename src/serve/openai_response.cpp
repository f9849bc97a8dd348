#include "serve/openai_response.h"

#include <algorithm>
#include <ctime>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "base/utf8.h"
#include "serve/counters_json.h"

namespace citer {

namespace {

std::string random_id(const char* prefix) {
  std::random_device device;
  return fmt::format("{}-{:08x}{:08x}{:08x}", prefix, device(), device(), device());
}

/// Characters in UTF-8 text.
std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

Json bytes_of(const std::string& piece) {
  Json bytes = Json::array();
  for (const char c : piece) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

Json logprob_of(const TokenRecord& token) {
  return token.logprobs ? Json(token.logprobs->logprob) : Json(nullptr);
}

Json chat_logprobs(const Vocab& vocab, const std::vector<TokenRecord>& tokens) {
  Json content = Json::array();
  for (const TokenRecord& token : tokens) {
    if (vocab.is_end_of_generation(token.id)) continue;  // no part of the text
    Json top = Json::array();
    if (token.logprobs) {
      for (const auto& [id, logprob] : token.logprobs->top) {
        top.push_back({{"token", token_text(vocab, id)},
                       {"logprob", logprob},
                       {"bytes", bytes_of(vocab.piece(id))}});
      }
    }
    content.push_back({{"token", token_text(vocab, token.id)},
                       {"logprob", logprob_of(token)},
                       {"bytes", bytes_of(token.piece)},
                       {"top_logprobs", std::move(top)}});
  }
  return {{"content", std::move(content)}};
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
    logprobs.push_back(logprob_of(token));
    Json top;
    if (token.logprobs) {
      top = Json::object();
      for (const auto& [id, logprob] : token.logprobs->top) top[token_text(vocab, id)] = logprob;
    }
    tops.push_back(std::move(top));
    offsets.push_back(offset);
    offset += count_characters(token.piece);
  }
  return {{"tokens", std::move(texts)},
          {"token_logprobs", std::move(logprobs)},
          {"top_logprobs", std::move(tops)},
          {"text_offset", std::move(offsets)}};
}

Json trace_of(const std::vector<TokenRecord>& tokens) {
  Json trace = Json::array();
  for (const TokenRecord& token : tokens) {
    trace.push_back({{"id", token.id},
                     {"text", valid_utf8(token.piece)},
                     {"writer", to_string(token.writer)},
                     {"score", token.score},
                     {"seconds", token.seconds}});
  }
  return trace;
}

Json calls_json(const std::vector<ToolCall>& calls, bool is_chunk) {
  Json list = Json::array();
  for (const ToolCall& call : calls) {
    Json entry = Json::object();
    if (is_chunk) entry["index"] = list.size();
    entry["id"] = random_id("call");
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

std::string token_text(const Vocab& vocab, Token token) {
  const std::string& piece = vocab.piece(token);
  if (piece.empty()) return valid_utf8(vocab.spelling(token));
  std::string text = valid_utf8(piece);
  if (text == piece) return text;
  text = "bytes:";
  for (const char c : piece) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return text;
}

ResponseWriter::ResponseWriter(const Vocab& vocab, ResponseFormat format, int prompt_tokens)
    : vocab_(vocab),
      format_(std::move(format)),
      prompt_tokens_(prompt_tokens),
      id_(random_id(format_.chat ? "chatcmpl" : "cmpl")),
      created_(std::time(nullptr)) {
  for (const std::string& echo : format_.echoes) offsets_.push_back(count_characters(echo));
}

Json ResponseWriter::head(bool is_chunk) const {
  const char* object = "text_completion";
  if (format_.chat) object = is_chunk ? "chat.completion.chunk" : "chat.completion";
  return {{"id", id_}, {"object", object}, {"created", created_}, {"model", format_.model}};
}

Json ResponseWriter::choice_logprobs(const std::vector<TokenRecord>& tokens,
                                     std::size_t& offset) const {
  if (!format_.logprobs) return nullptr;
  if (format_.chat) return chat_logprobs(vocab_, tokens);
  return completion_logprobs(vocab_, tokens, offset);
}

Json ResponseWriter::usage(const std::vector<Answer>& answers) const {
  std::int64_t written = 0;
  for (const Answer& answer : answers) written += answer.counters.tokens();
  return {{"prompt_tokens", prompt_tokens_},
          {"completion_tokens", written},
          {"total_tokens", prompt_tokens_ + written}};
}

Json ResponseWriter::citer_object(const std::vector<Answer>& answers) const {
  Counters sum;
  double seconds = 0;
  double llm_alone = 0;
  for (const Answer& answer : answers) {
    sum += answer.counters;
    llm_alone += answer.llm_alone_seconds;
    seconds = std::max(seconds, answer.seconds);
  }
  const auto tokens = static_cast<double>(sum.tokens());
  Json object = {{"policy", format_.policy},
                 {"threshold", answers.front().threshold},
                 {"seconds", seconds},
                 {"tokens_per_second", seconds > 0 ? tokens / seconds : 0.0}};
  object.update(counters_json(sum));
  if (answers.front().promise) {
    object["promise"] = promise_json(*answers.front().promise);
    object["promise"]["holds"] = format_.promise_holds;
  }
  if (llm_alone > 0) object["llm_alone_seconds"] = llm_alone;
  const auto alone = std::find_if(answers.begin(), answers.end(),
                                  [](const Answer& answer) { return answer.not_routed; });
  if (alone != answers.end()) object["not_routed"] = speeds_json(*alone->not_routed);
  return object;
}

Json ResponseWriter::whole_choice(std::size_t index, const Answer& answer) const {
  const std::string echo = index < format_.echoes.size() ? format_.echoes[index] : "";
  std::size_t offset = answer.prompt.empty() ? count_characters(echo) : 0;
  Json logprobs = choice_logprobs(joined(answer.prompt, answer.tokens), offset);
  const std::string text = echo + answer.text;
  std::string finish = to_string(answer.finish);
  Json choice = {{"index", index}};
  if (format_.tool_calls) {
    ToolText tool_text(*format_.tool_calls);
    std::string content = tool_text.push(valid_utf8(text));
    const ToolText::Rest rest = tool_text.finish();
    content += rest.content;
    Json message = {{"role", "assistant"}, {"content", content}, {"refusal", nullptr}};
    if (!rest.calls.empty()) {
      if (content.empty()) message["content"] = nullptr;
      message["tool_calls"] = calls_json(rest.calls, false);
    }
    choice["message"] = std::move(message);
    finish = finish_reason(answer, rest.calls);
  } else if (format_.chat) {
    choice["message"] = {
        {"role", "assistant"}, {"content", valid_utf8(text)}, {"refusal", nullptr}};
  } else {
    choice["text"] = valid_utf8(text);
  }
  if (!answer.reasoning.empty()) {
    choice["message"]["reasoning_content"] = valid_utf8(answer.reasoning);
  }
  choice["logprobs"] = std::move(logprobs);
  choice["finish_reason"] = finish;
  return choice;
}

std::string ResponseWriter::whole(const std::vector<Answer>& answers) const {
  Json response = head(false);
  Json choices = Json::array();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    choices.push_back(whole_choice(i, answers[i]));
    if (answers.size() == 1) continue;
    choices.back()["citer"] = citer_object({answers[i]});
    if (format_.trace) choices.back()["citer"]["trace"] = trace_of(answers[i].tokens);
  }
  response["choices"] = std::move(choices);
  response["usage"] = usage(answers);
  response["citer"] = citer_object(answers);
  if (format_.trace && answers.size() == 1) {
    response["citer"]["trace"] = trace_of(answers.front().tokens);
  }
  return response.dump();
}

/// `delta` is an object for chat, a string for plain completions.
Json ResponseWriter::chunk_of(std::size_t index, Json delta, Json logprobs, Json finish) const {
  Json chunk = head(true);
  Json choice = {{"index", index}};
  choice[format_.chat ? "delta" : "text"] = std::move(delta);
  choice["logprobs"] = std::move(logprobs);
  choice["finish_reason"] = std::move(finish);
  chunk["choices"] = Json::array({std::move(choice)});
  if (format_.include_usage) chunk["usage"] = nullptr;
  return chunk;
}

std::string ResponseWriter::first_chunk(std::size_t index) const {
  if (format_.chat) {
    return chunk_of(index, {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr).dump();
  }
  if (index >= format_.echoes.size()) return "";
  return chunk_of(index, valid_utf8(format_.echoes[index]), nullptr, nullptr).dump();
}

/// What an answer grew by, in its parts.
SplitText ResponseWriter::parts_of(std::size_t index, const Growth& growth) {
  const std::string text = valid_utf8(growth.text());
  if (!format_.thinking || format_.thinking->is_kept) return {"", text};
  while (thinking_texts_.size() <= index) thinking_texts_.emplace_back(*format_.thinking);
  ThinkingText& thinking = thinking_texts_[index];
  SplitText parts = thinking.push(text);
  if (!growth.is_last()) return parts;
  const SplitText rest = thinking.finish();
  return {parts.reasoning + rest.reasoning, parts.content + rest.content};
}

/// Where one answer's text stands.
ToolText& ResponseWriter::tool_text(std::size_t index) {
  while (tool_texts_.size() <= index) tool_texts_.emplace_back(*format_.tool_calls);
  return tool_texts_[index];
}

std::string ResponseWriter::chunk(std::size_t index, const Growth& growth) {
  const bool has_tokens = !growth.tokens.empty() && (format_.logprobs || format_.trace);
  auto [reasoning, content] = parts_of(index, growth);
  if (format_.tool_calls) content = tool_text(index).push(content);
  if (reasoning.empty() && content.empty() && !has_tokens) return "";
  if (offsets_.size() <= index) offsets_.resize(index + 1);
  Json delta = content;
  if (format_.chat) {
    Json parts = Json::object();
    if (!reasoning.empty()) parts["reasoning_content"] = std::move(reasoning);
    if (!content.empty() || parts.empty()) parts["content"] = std::move(content);
    delta = std::move(parts);
  }
  Json chunk =
      chunk_of(index, std::move(delta), choice_logprobs(growth.tokens, offsets_[index]), nullptr);
  if (format_.trace) chunk["citer"] = {{"trace", trace_of(growth.tokens)}};
  return chunk.dump();
}

std::string ResponseWriter::last_chunk(std::size_t index, const Answer& answer) {
  std::string finish = to_string(answer.finish);
  Json delta = format_.chat ? Json::object() : Json("");
  if (format_.tool_calls) {
    const ToolText::Rest rest = tool_text(index).finish();
    if (!rest.content.empty()) delta["content"] = rest.content;
    if (!rest.calls.empty()) delta["tool_calls"] = calls_json(rest.calls, true);
    finish = finish_reason(answer, rest.calls);
  }
  Json chunk = chunk_of(index, std::move(delta), nullptr, finish);
  chunk["citer"] = citer_object({answer});
  return chunk.dump();
}

std::string ResponseWriter::usage_chunk(const std::vector<Answer>& answers) const {
  if (!format_.include_usage) return "";
  Json chunk = head(true);
  chunk["choices"] = Json::array();
  chunk["usage"] = usage(answers);
  return chunk.dump();
}

}  // namespace citer
