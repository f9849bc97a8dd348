#pragma once

// Answers in the formats of the APIs, and what all of them tell: usage, and what routing adds, the
// object `citer`.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/thinking.h"
#include "citer/generation.h"
#include "model/vocab.h"
#include "serve/api_error.h"
#include "serve/generation_request.h"
#include "serve/tools.h"

namespace citer {

/// What an answer's format depends on beside its tokens.
struct ResponseFormat {
  ApiKind api = ApiKind::kCompletions;
  bool logprobs = false;
  bool trace = false;
  bool include_usage = false;
  bool timings_per_token = false;
  int n = 1;  ///< answers per prompt
  /// What may be called in the text; none: nothing.
  std::optional<CallableTools> tools{};
  /// How thinking stands in the text; none: there is none.
  std::optional<Thinking> thinking{};
  std::string model;                   ///< as the client named it
  std::string policy;                  ///< the one that routes
  std::string fingerprint{};           ///< of what is served
  bool promise_holds = true;           ///< as far as watching it has shown
  std::vector<std::string> echoes{};   ///< per answer the text that goes before it; empty: none
  std::vector<std::string> prompts{};  ///< per answer its prompt's text, where it is told
  Json told_back{};                    ///< GenerationRequest::told_back
  LlamaServerFormat llama_server{};    ///< GenerationRequest::llama_server
  int context_size = 0;                ///< tokens of prompt and answer at most
};

/// What a conversation's answer consists of.
struct AnswerParts {
  std::string reasoning;
  std::string content;
  std::vector<ToolCall> calls;
};

/// Parts an answer as it comes. Text is always valid UTF-8: what is not becomes U+FFFD.
class AnswerReader {
 public:
  explicit AnswerReader(const ResponseFormat& format);

  /// What has become sure of each part; calls come at the end.
  AnswerParts push(const Growth& growth);
  /// At the end of the text.
  AnswerParts finish(const Answer& answer);

 private:
  std::optional<ThinkingText> thinking_;
  std::optional<ToolText> tools_;
};

/// The parts of a whole answer.
AnswerParts parts_of(const Answer& answer, const ResponseFormat& format);

/// How long an answer took, in llama-server's words.
class Timings {
 public:
  Timings() = default;
  /// Of all its tokens.
  explicit Timings(const Answer& answer);

  void add(const TokenRecord& token);
  /// In milliseconds; tokens of the prompt are told once the answer is done.
  Json json() const;

 private:
  std::optional<int> prompt_;  ///< tokens of the prompt that were read
  int cached_ = 0;             ///< and those that were not
  double prompt_seconds_ = 0;
  int predicted_ = 0;
  double predicted_seconds_ = 0;
};

/// Tokens of prompts and answers.
struct Usage {
  std::int64_t prompt = 0;     ///< once per prompt
  std::int64_t cached = 0;     ///< of those, the ones that were not read again
  std::int64_t written = 0;    ///< thinking included
  std::int64_t reasoning = 0;  ///< of those, the ones of thinking and its tags
};

/// Writes the response to one request, whole or as the events of a stream.
class ResponseWriter {
 public:
  /// `vocab` must outlive it.
  ResponseWriter(const Vocab& vocab, ResponseFormat format, int prompt_tokens);
  virtual ~ResponseWriter() = default;
  ResponseWriter(const ResponseWriter&) = delete;
  ResponseWriter& operator=(const ResponseWriter&) = delete;

  /// The whole response; `answers` by index.
  virtual std::string whole(const std::vector<Answer>& answers) = 0;

  // Server-sent events, in this order; "" where there is nothing to say.
  /// An answer is begun.
  virtual std::string begin(std::size_t index) = 0;
  /// What it grew by.
  virtual std::string grow(std::size_t index, const Growth& growth) = 0;
  /// It is done: its finish reason, calls of tools, and what it cost.
  virtual std::string end(std::size_t index, const Answer& answer) = 0;
  /// All answers are done.
  virtual std::string close(const std::vector<Answer>& answers) = 0;
  /// The last event of a stream that failed.
  virtual std::string fail(const ApiError& error) = 0;

  Usage usage(const std::vector<Answer>& answers) const;

 protected:
  const Vocab& vocab() const { return vocab_; }
  const ResponseFormat& format() const { return format_; }
  std::int64_t created() const { return created_; }
  /// The object `citer`; with the trace where one was asked for.
  Json citer_object(const std::vector<Answer>& answers) const;

 private:
  const Vocab& vocab_;
  ResponseFormat format_;
  int prompt_tokens_;
  std::int64_t created_;
};

/// An event of a stream: its data, and its name where it has one.
std::string sse_event(const std::string& data, std::string_view name = "");

/// PREFIX and 24 hexadecimal digits.
std::string random_id(const char* prefix);

Json trace_of(const std::vector<TokenRecord>& tokens);

/// A token's text as the API shows it: its piece, "bytes:\xe2\x82" where that is part of a
/// character only, and a special token as the vocabulary spells it.
std::string token_text(const Vocab& vocab, Token token);

/// The logprobs of chat completions: a list of {id, token, logprob, bytes,
/// top_logprobs}; the id is llama-server's.
Json token_logprobs(const Vocab& vocab, const std::vector<TokenRecord>& tokens);

}  // namespace citer
