#pragma once

#include <cstdint>
#include <functional>
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
  GenerationOptions defaults;        ///< where a request says nothing
  bool random_seed = true;           ///< where it gives no seed: draw one instead of the default
  int vocab_size = 0;                ///< token ids lie below
  std::optional<int> most_tokens{};  ///< of an answer, whatever the request says
  /// Text as tokens, control tokens in it as such; `begins`: a prompt begins with it.
  std::function<std::vector<Token>(const std::string& text, bool begins)> tokenize{};
};

/// Text or token ids.
using TextOrTokens = std::variant<std::string, std::vector<Token>>;

/// Whose format a request came in and is answered in.
enum class ApiKind { kChat, kCompletions, kResponses, kMessages, kLlamaServer };

/// What llama-server's own API is to answer with.
struct LlamaServerFormat {
  Json settings{};                    ///< that the answer repeats
  std::vector<std::string> fields{};  ///< the answer's, as paths; empty: all
  bool has_tokens = false;            ///< their ids, too
};

/// What any API's request asks for.
struct GenerationRequest {
  ApiKind api = ApiKind::kCompletions;
  std::string model;  ///< "" if none was named
  Json messages;      ///< conversations: as the template gets them, contents as text
  Json tools;         ///< functions that may be called; null: none
  Json must_call;     ///< those of which one has to be called; null: none has
  /// How the chat template has tools called; set by the Api where there are any.
  std::optional<ToolCallForm> tool_calls;
  std::optional<bool> parallel_tool_calls;  ///< several calls in one answer
  std::vector<TextOrTokens> prompts;        ///< completions; at least one
  Json template_kwargs;         ///< conversations: variables of the template; null: none
  bool continues = false;       ///< conversations: goes on with the last message, the assistant's
  bool keeps_thinking = false;  ///< conversations: in the content, with its tags
  int reasoning_budget = -1;    ///< conversations: tokens of thinking at most; negative: any
  int max_tokens = -1;          ///< negative: as many as the context holds
  int min_tokens = 0;           ///< no end of generation before
  bool ignore_eog = false;
  bool reuse_prefix = true;  ///< read from a cache what it holds of a prompt
  std::optional<int> slot;   ///< to be written in this one
  SamplingOptions sampling;
  std::string grammar_field;  ///< where its grammar comes from; "": the server's own
  std::vector<std::string> stop;
  int n = 1;  ///< answers per prompt
  bool stream = false;
  bool include_usage = false;      ///< a last chunk with the usage
  bool timings_per_token = false;  ///< in each chunk of a stream
  bool echo = false;               ///< the prompt goes before the answer
  RoutingFields routing;
  bool verbose = false;  ///< tells the prompt as it was read
  bool trace = false;    ///< writer and score of each token
  Json told_back;        ///< responses: fields that the answer repeats
  LlamaServerFormat llama_server{};

  /// Whether it goes on with a conversation.
  bool chat() const { return api != ApiKind::kCompletions && api != ApiKind::kLlamaServer; }
  bool logprobs() const { return sampling.top_logprobs >= 0; }
};

}  // namespace citer
