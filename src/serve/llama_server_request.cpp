#include "serve/llama_server_request.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "serve/api_error.h"
#include "serve/request_fields.h"

namespace citer {

namespace {

/// What the answer tells of how it was written.
Json settings_json(const GenerationRequest& request) {
  const SamplingOptions& sampling = request.sampling;
  Json biases = Json::array();
  for (const auto& [token, bias] : sampling.logit_bias) {
    biases.push_back({{"token", token}, {"bias", std::isinf(bias) ? Json() : Json(bias)}});
  }
  return {{"n_predict", request.max_tokens},
          {"max_tokens", request.max_tokens},
          {"min_tokens", request.min_tokens},
          {"ignore_eos", request.ignore_eog},
          {"stop", request.stop},
          {"stream", request.stream},
          {"n_probs", std::max(sampling.top_logprobs, 0)},
          {"timings_per_token", request.timings_per_token},
          {"seed", sampling.seed},
          {"temperature", sampling.temperature},
          {"top_k", sampling.top_k},
          {"top_p", sampling.top_p},
          {"min_p", sampling.min_p},
          {"repeat_last_n", sampling.repeat_last_n},
          {"repeat_penalty", sampling.repeat_penalty},
          {"presence_penalty", sampling.presence_penalty},
          {"frequency_penalty", sampling.frequency_penalty},
          {"logit_bias", std::move(biases)},
          {"grammar", sampling.grammar}};
}

}  // namespace

GenerationRequest parse_llama_server_request(const Json& body, const RequestLimits& limits) {
  const Fields fields(body);
  GenerationRequest request = parse_shared_fields(fields, limits);
  request.api = ApiKind::kLlamaServer;
  request.prompts = parse_prompts(fields, limits);
  parse_max_tokens(fields, {"max_tokens", "n_predict"}, -1, limits, request);
  parse_stop(fields, "stop", limits, request);
  request.timings_per_token = fields.boolean("timings_per_token").value_or(false);
  const auto probabilities = fields.integer("n_probs", 0, kMostTopLogprobs).value_or(0);
  if (probabilities > 0) request.sampling.top_logprobs = static_cast<int>(probabilities);
  LlamaServerFormat& format = request.llama_server;
  format.has_tokens = fields.boolean("return_tokens").value_or(false);
  for (const auto& [field, place] : fields.list("response_fields")) {
    if (!field->is_string()) throw bad_field(place, "expected a string");
    format.fields.push_back(field->get<std::string>());
  }
  format.settings = settings_json(request);
  refuse_rest(fields);
  return request;
}

}  // namespace citer
