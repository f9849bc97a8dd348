#pragma once

// Answers in the formats of OpenAI's API, with what routing adds: the object `citer`.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/thinking.h"
#include "citer/generation.h"
#include "model/vocab.h"
#include "serve/json_fields.h"
#include "serve/openai_request.h"
#include "serve/tools.h"

namespace citer {

/// What an answer's format depends on beside its tokens.
struct ResponseFormat {
  bool chat = false;
  bool logprobs = false;
  bool trace = false;
  bool include_usage = false;
  /// How calls of tools stand in the text; none: they are no calls.
  std::optional<ToolCallForm> tool_calls{};
  /// How thinking stands in the text; none: there is none.
  std::optional<Thinking> thinking{};
  std::string model;                  ///< as the client named it
  std::string policy;                 ///< the one that routes
  bool promise_holds = true;          ///< as far as watching it has shown
  std::vector<std::string> echoes{};  ///< per answer the text that goes before it; empty: none
};

/// Writes the response to one request, whole or in chunks. Text is always valid UTF-8: what is not
/// becomes U+FFFD. `vocab` must outlive it.
class ResponseWriter {
 public:
  ResponseWriter(const Vocab& vocab, ResponseFormat format, int prompt_tokens);

  /// The whole response; `answers` by index. Prompt tokens are counted once per prompt.
  std::string whole(const std::vector<Answer>& answers) const;

  // Bodies of stream chunks (without "data: "), in this order per answer:
  /// The role (chat) or the echo; "" where there is nothing to say.
  std::string first_chunk(std::size_t index) const;
  /// What the answer grew by; "" where that is nothing to show.
  std::string chunk(std::size_t index, const Growth& growth);
  /// The finish reason, calls of tools, and what the answer cost.
  std::string last_chunk(std::size_t index, const Answer& answer);
  /// After all answers, if it was asked for.
  std::string usage_chunk(const std::vector<Answer>& answers) const;

 private:
  Json head(bool is_chunk) const;
  Json choice_logprobs(const std::vector<TokenRecord>& tokens, std::size_t& offset) const;
  Json whole_choice(std::size_t index, const Answer& answer) const;
  SplitText parts_of(std::size_t index, const Growth& growth);
  ToolText& tool_text(std::size_t index);
  Json chunk_of(std::size_t index, Json delta, Json logprobs, Json finish) const;
  Json usage(const std::vector<Answer>& answers) const;
  Json citer_object(const std::vector<Answer>& answers) const;

  const Vocab& vocab_;
  ResponseFormat format_;
  int prompt_tokens_;
  std::string id_;
  std::int64_t created_;
  std::vector<std::size_t> offsets_;          ///< per answer: characters that were streamed
  std::vector<ThinkingText> thinking_texts_;  ///< per answer, where there may be thinking
  std::vector<ToolText> tool_texts_;          ///< per answer, where tools may be called
};

/// A token's text as the API shows it: its piece, "bytes:\xe2\x82" where that is part of a
/// character only, and a special token as the vocabulary spells it.
std::string token_text(const Vocab& vocab, Token token);

}  // namespace citer
