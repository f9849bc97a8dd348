#pragma once

// Bodies of POST /v1/chat/completions and /v1/completions.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "citer/types.h"
#include "serve/json_fields.h"
#include "serve/presets.h"
#include "serve/tools.h"

namespace citer {

/// What a request's fields are read against.
struct RequestLimits {
  GenerationOptions defaults;  ///< where a request says nothing
  bool random_seed = true;     ///< where it gives no seed: draw one instead of the default
  int vocab_size = 0;          ///< token ids lie below
};

/// Text or token ids.
using TextOrTokens = std::variant<std::string, std::vector<Token>>;

struct GenerationRequest {
  bool chat = false;  ///< a conversation, answered in the chat format
  std::string model;  ///< "" if none was named
  Json messages;      ///< chat: as the template gets them, contents as text
  Json tools;         ///< functions that may be called; null: none
  Json must_call;     ///< those of which one has to be called; null: none has
  /// How the chat template has tools called; set by the Api where there are any.
  std::optional<ToolCallForm> tool_calls;
  std::vector<TextOrTokens> prompts;  ///< not chat; at least one
  Json template_kwargs;               ///< chat: variables of the template; null: none
  bool keeps_thinking = false;        ///< chat: in the content, with its tags
  int reasoning_budget = -1;          ///< chat: tokens of thinking at most; negative: any number
  int max_tokens = -1;                ///< negative: as many as the context holds
  SamplingOptions sampling;
  std::string grammar_field = "grammar";  ///< where its grammar comes from
  std::vector<std::string> stop;
  int n = 1;  ///< answers per prompt
  bool stream = false;
  bool include_usage = false;  ///< a last chunk with the usage
  bool echo = false;           ///< the prompt goes before the answer
  RoutingFields routing;
  bool trace = false;  ///< writer and score of each token

  bool logprobs() const { return sampling.top_logprobs >= 0; }
};

/// Fields that are not known are ignored. Throws ApiError 400 that names the field for a wrong type
/// or range, and for what is not supported (images).
GenerationRequest parse_chat_request(const Json& body, const RequestLimits& limits);
GenerationRequest parse_completion_request(const Json& body, const RequestLimits& limits);

/// An array of token ids below `vocab_size`. Throws ApiError 400 that names `field`.
std::vector<Token> parse_token_ids(const Json* ids, const std::string& field, int vocab_size);

}  // namespace citer
