#include "serve/openai_request.h"

#include <fmt/format.h>

#include "serve/api_error.h"
#include "serve/chat_fields.h"
#include "serve/messages.h"
#include "serve/output_format.h"
#include "serve/request_fields.h"

namespace citer {

namespace {

constexpr int kMostChoices = 128;
constexpr std::size_t kMostPrompts = 2048;

/// The fields that chat and plain completions share.
GenerationRequest parse_common(const Fields& fields, const RequestLimits& limits) {
  GenerationRequest request = parse_shared_fields(fields, limits);
  if (const auto format = fields.object("response_format")) {
    set_format(*format, "response_format", request);
  }
  for (const char* name : {"max_tokens", "max_completion_tokens"}) {  // the newer name wins
    const auto most = fields.integer(name, -1, kMostTokens);
    request.max_tokens = static_cast<int>(most.value_or(request.max_tokens));
  }
  parse_stop(fields, "stop", limits, request);
  request.n = static_cast<int>(fields.integer("n", 1, kMostChoices).value_or(1));
  if (const auto options = fields.object("stream_options")) {
    request.include_usage = options->boolean("include_usage").value_or(false);
    for (const char* name : {"include_obfuscation", "continuous_usage_stats"}) {
      options->refuse_unless(name, false);
    }
    options->refuse_others();
    if (!request.stream) throw bad_field("stream_options", "needs stream to be true");
  }
  return request;
}

/// A string, token ids, or an array of either.
std::vector<TextOrTokens> parse_prompts(const Json* prompt, int vocab_size) {
  if (prompt == nullptr) throw bad_field("prompt", "missing");
  if (prompt->is_string()) return {prompt->get<std::string>()};
  if (!prompt->is_array() || prompt->empty()) {
    throw bad_field("prompt",
                    "expected a string, an array of strings, token ids, or an array of "
                    "arrays of token ids");
  }
  if (prompt->front().is_number()) return {parse_token_ids(prompt, "prompt", vocab_size)};
  if (prompt->size() > kMostPrompts) {
    throw bad_field("prompt", fmt::format("more than {} prompts", kMostPrompts));
  }
  std::vector<TextOrTokens> prompts;
  prompts.reserve(prompt->size());
  for (const Json& one : *prompt) {
    if (one.is_string()) {
      prompts.emplace_back(one.get<std::string>());
    } else if (one.is_array()) {
      prompts.emplace_back(parse_token_ids(&one, "prompt", vocab_size));
    } else {
      throw bad_field("prompt", "expected strings or arrays of token ids, found " + type_text(one));
    }
  }
  return prompts;
}

}  // namespace

GenerationRequest parse_chat_request(const Json& body, const RequestLimits& limits) {
  const Fields fields(body);
  GenerationRequest request = parse_common(fields, limits);
  request.api = ApiKind::kChat;
  parse_tools(fields, request);
  parse_thinking(fields, limits, request);
  fields.refuse_unless("echo", false);
  fields.refuse_unless("add_generation_prompt", true);
  fields.refuse_unless("continue_final_message", false);
  request.messages = parse_messages(fields);
  const auto top = fields.integer("top_logprobs", 0, kMostTopLogprobs);
  const bool logprobs = fields.boolean("logprobs").value_or(false);
  if (top.value_or(0) > 0 && !logprobs) {
    throw bad_field("top_logprobs", "needs logprobs to be true");
  }
  request.sampling.top_logprobs = logprobs ? static_cast<int>(top.value_or(0)) : -1;
  fields.refuse_others();
  return request;
}

GenerationRequest parse_completion_request(const Json& body, const RequestLimits& limits) {
  const Fields fields(body);
  GenerationRequest request = parse_common(fields, limits);
  request.prompts = parse_prompts(fields.find("prompt"), limits.vocab_size);
  fields.refuse_unless("reasoning_format", "none");  // the text is as it is written
  request.echo = fields.boolean("echo").value_or(false);
  request.sampling.top_logprobs =
      static_cast<int>(fields.integer("logprobs", 0, kMostTopLogprobs).value_or(-1));
  if (request.echo && request.logprobs() && request.stream) {
    throw bad_field("stream", "logprobs of an echoed prompt cannot be streamed");
  }
  fields.refuse_others();
  return request;
}

}  // namespace citer
