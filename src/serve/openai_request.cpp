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

/// The fields that chat and plain completions share.
GenerationRequest parse_common(const Fields& fields, const RequestLimits& limits) {
  GenerationRequest request = parse_shared_fields(fields, limits);
  if (const auto format = fields.object("response_format")) {
    set_format(*format, "response_format", request);
  }
  // llama-server's name, OpenAI's, and its newer one, which wins.
  parse_max_tokens(fields, {"n_predict", "max_tokens", "max_completion_tokens"}, -1, limits,
                   request);
  parse_stop(fields, "stop", limits, request);
  request.timings_per_token = fields.boolean("timings_per_token").value_or(false);
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

}  // namespace

GenerationRequest parse_chat_request(const Json& body, const RequestLimits& limits) {
  const Fields fields(body);
  GenerationRequest request = parse_common(fields, limits);
  request.api = ApiKind::kChat;
  parse_tools(fields, request);
  parse_thinking(fields, limits, request);
  fields.refuse_unless("echo", false);
  request.verbose = fields.boolean("verbose").value_or(false);
  request.messages = parse_messages(fields);
  parse_continuation(fields, request);
  const auto top = fields.integer("top_logprobs", 0, kMostTopLogprobs);
  const bool logprobs = fields.boolean("logprobs").value_or(false);
  if (top.value_or(0) > 0 && !logprobs) {
    throw bad_field("top_logprobs", "needs logprobs to be true");
  }
  request.sampling.top_logprobs = logprobs ? static_cast<int>(top.value_or(0)) : -1;
  refuse_rest(fields);
  return request;
}

GenerationRequest parse_completion_request(const Json& body, const RequestLimits& limits) {
  const Fields fields(body);
  GenerationRequest request = parse_common(fields, limits);
  request.prompts = parse_prompts(fields, limits);
  fields.refuse_unless("reasoning_format", "none");  // the text is as it is written
  request.echo = fields.boolean("echo").value_or(false);
  request.sampling.top_logprobs =
      static_cast<int>(fields.integer("logprobs", 0, kMostTopLogprobs).value_or(-1));
  if (request.echo && request.logprobs() && request.stream) {
    throw bad_field("stream", "logprobs of an echoed prompt cannot be streamed");
  }
  refuse_rest(fields);
  return request;
}

}  // namespace citer
