#include "serve/response_writer.h"

#include <algorithm>
#include <ctime>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "base/utf8.h"
#include "serve/counters_json.h"

namespace citer {

namespace {

Json bytes_of(const std::string& piece) {
  Json bytes = Json::array();
  for (const char c : piece) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

bool is_cut_off(const Answer& answer) { return answer.finish == FinishReason::kLength; }

/// Tokens of an answer's thinking and its tags.
std::int64_t reasoning_tokens(const Answer& answer, const std::optional<Thinking>& thinking) {
  if (!thinking || thinking->is_kept) return 0;
  std::string text;
  for (const TokenRecord& token : answer.tokens) text += token.piece;
  const ThinkingSpan span = find_thinking(text, *thinking);
  if (span.state == ThinkingSpan::State::kNone) return 0;
  const std::size_t end = span.state == ThinkingSpan::State::kOver ? span.content : text.size();
  std::int64_t count = 0;
  std::size_t at = 0;
  for (const TokenRecord& token : answer.tokens) {
    if (at >= end) break;
    at += token.piece.size();
    ++count;
  }
  return count;
}

}  // namespace

AnswerReader::AnswerReader(const ResponseFormat& format) {
  if (format.thinking && !format.thinking->is_kept) thinking_.emplace(*format.thinking);
  if (format.tools) tools_.emplace(*format.tools);
}

AnswerParts AnswerReader::push(const Growth& growth) {
  SplitText parts{"", valid_utf8(growth.text())};
  if (thinking_) {
    parts = thinking_->push(parts.content);
    if (growth.is_last()) {
      const SplitText rest = thinking_->finish();
      parts.reasoning += rest.reasoning;
      parts.content += rest.content;
    }
  }
  if (tools_) parts.content = tools_->push(parts.content);
  return {std::move(parts.reasoning), std::move(parts.content), {}};
}

AnswerParts AnswerReader::finish(const Answer& answer) {
  if (!tools_) return {};
  ToolText::Rest rest = tools_->finish(is_cut_off(answer));
  return {"", std::move(rest.content), std::move(rest.calls)};
}

AnswerParts parts_of(const Answer& answer, const ResponseFormat& format) {
  AnswerParts parts{valid_utf8(answer.reasoning), valid_utf8(answer.text), {}};
  if (!format.tools) return parts;
  ToolText text(*format.tools);
  parts.content = text.push(parts.content);
  ToolText::Rest rest = text.finish(is_cut_off(answer));
  parts.content += rest.content;
  parts.calls = std::move(rest.calls);
  return parts;
}

ResponseWriter::ResponseWriter(const Vocab& vocab, ResponseFormat format, int prompt_tokens)
    : vocab_(vocab),
      format_(std::move(format)),
      prompt_tokens_(prompt_tokens),
      created_(std::time(nullptr)) {}

Timings::Timings(const Answer& answer)
    : prompt_(answer.prompt_tokens - answer.cached_tokens), cached_(answer.cached_tokens) {
  for (const TokenRecord& token : answer.tokens) add(token);
}

/// The first token comes when the prompt has been read.
void Timings::add(const TokenRecord& token) {
  (predicted_ == 0 ? prompt_seconds_ : predicted_seconds_) += token.seconds;
  ++predicted_;
}

Json Timings::json() const {
  constexpr double kMilliseconds = 1000;
  Json json = Json::object();
  const auto put = [&](const std::string& what, int n, int timed, double seconds) {
    json[what + "_n"] = n;
    json[what + "_ms"] = seconds * kMilliseconds;
    json[what + "_per_token_ms"] = timed > 0 ? seconds * kMilliseconds / timed : 0.0;
    json[what + "_per_second"] = seconds > 0 ? timed / seconds : 0.0;
  };
  if (prompt_) {
    json["cache_n"] = cached_;
    put("prompt", *prompt_, *prompt_, prompt_seconds_);
  }
  put("predicted", predicted_, std::max(predicted_ - 1, 0), predicted_seconds_);
  return json;
}

Usage ResponseWriter::usage(const std::vector<Answer>& answers) const {
  Usage usage{.prompt = prompt_tokens_};
  for (std::size_t i = 0; i < answers.size(); ++i) {
    usage.written += answers[i].counters.tokens();
    usage.reasoning += reasoning_tokens(answers[i], format_.thinking);
    // Of a prompt's answers the first reads it.
    if (i % static_cast<std::size_t>(format_.n) == 0) usage.cached += answers[i].cached_tokens;
  }
  return usage;
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
  const auto unanswered = std::find_if(answers.begin(), answers.end(), [](const Answer& answer) {
    return !answer.llm_fault.empty();
  });
  if (unanswered != answers.end()) object["llm_fault"] = valid_utf8(unanswered->llm_fault);
  if (llm_alone > 0) object["llm_alone_seconds"] = llm_alone;
  const auto alone = std::find_if(answers.begin(), answers.end(),
                                  [](const Answer& answer) { return answer.not_routed; });
  if (alone != answers.end()) object["not_routed"] = speeds_json(*alone->not_routed);
  if (format_.trace && answers.size() == 1) object["trace"] = trace_of(answers.front().tokens);
  return object;
}

std::string sse_event(const std::string& data, std::string_view name) {
  return name.empty() ? fmt::format("data: {}\n\n", data)
                      : fmt::format("event: {}\ndata: {}\n\n", name, data);
}

std::string random_id(const char* prefix) {
  std::random_device device;
  return fmt::format("{}{:08x}{:08x}{:08x}", prefix, device(), device(), device());
}

Json trace_of(const std::vector<TokenRecord>& tokens) {
  Json trace = Json::array();
  for (const TokenRecord& token : tokens) {
    trace.push_back({{"id", token.id},
                     {"text", valid_utf8(token.piece)},
                     {"writer", to_string(token.writer)},
                     {"score", token.score},
                     {"seconds", token.seconds}});
    if (token.unanswered) trace.back()["unanswered"] = true;
  }
  return trace;
}

std::string token_text(const Vocab& vocab, Token token) {
  const std::string& piece = vocab.piece(token);
  if (piece.empty()) return valid_utf8(vocab.spelling(token));
  std::string text = valid_utf8(piece);
  if (text == piece) return text;
  text = "bytes:";
  for (const char c : piece) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return text;
}

Json token_logprobs(const Vocab& vocab, const std::vector<TokenRecord>& tokens) {
  Json content = Json::array();
  for (const TokenRecord& token : tokens) {
    if (vocab.is_end_of_generation(token.id)) continue;  // no part of the text
    Json top = Json::array();
    if (token.logprobs) {
      for (const auto& [id, logprob] : token.logprobs->top) {
        top.push_back({{"id", id},
                       {"token", token_text(vocab, id)},
                       {"logprob", logprob},
                       {"bytes", bytes_of(vocab.piece(id))}});
      }
    }
    content.push_back({{"id", token.id},
                       {"token", token_text(vocab, token.id)},
                       {"logprob", token.logprobs ? Json(token.logprobs->logprob) : Json()},
                       {"bytes", bytes_of(token.piece)},
                       {"top_logprobs", std::move(top)}});
  }
  return content;
}

}  // namespace citer
