#include "serve/request_fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <random>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "serve/api_error.h"
#include "serve/output_format.h"

namespace citer {

namespace {

constexpr std::size_t kMostStops = 64;
constexpr double kMostTemperature = 100;
constexpr double kLeastTopP = 1e-6;  // 0 keeps one token, as this does
constexpr double kBan = -100;        // OpenAI's word for "never"

/// Labels for a provider's books, and settings of what is switched off by the list below: there is
/// nothing here for them to act on.
constexpr std::array kWithoutEffect = {"user",
                                       "metadata",
                                       "safety_identifier",
                                       "prompt_cache_key",
                                       "xtc_threshold",
                                       "dry_base",
                                       "dry_allowed_length",
                                       "dry_penalty_last_n",
                                       "mirostat_tau",
                                       "dynatemp_exponent",
                                       "dry_sequence_breakers",
                                       "mirostat_eta",
                                       "prompt_cache_retention"};

/// Fields that are known and not supported: taken if they say what is done anyway.
struct Refused {
  const char* name;
  const char* taken;  ///< JSON; null: nothing is
};
constexpr std::array kRefused = {
    // OpenAI's
    Refused{"audio", "null"},
    Refused{"background", "false"},
    Refused{"best_of", "1"},
    Refused{"function_call", "null"},
    Refused{"functions", "[]"},
    Refused{"modalities", R"(["text"])"},
    Refused{"prediction", "null"},
    Refused{"store", "false"},
    Refused{"suffix", R"("")"},
    Refused{"verbosity", R"("medium")"},
    Refused{"web_search_options", "null"},
    // llama-server's
    Refused{"adaptive_target", "-1"},
    Refused{"backend_sampling", "false"},
    Refused{"cache_prompt", "true"},
    Refused{"dry_multiplier", "0"},
    Refused{"dynatemp_range", "0"},
    Refused{"id_slot", "-1"},
    Refused{"lora", "[]"},
    Refused{"min_keep", "0"},
    Refused{"mirostat", "0"},
    Refused{"n_cache_reuse", "0"},
    Refused{"n_discard", "0"},
    Refused{"n_indent", "0"},
    Refused{"n_keep", "0"},
    Refused{"n_predict", "null"},
    Refused{"n_probs", "0"},
    Refused{"parse_tool_calls", "true"},
    Refused{"post_sampling_probs", "false"},
    Refused{"response_fields", "[]"},
    Refused{"return_progress", "false"},
    Refused{"return_tokens", "false"},
    Refused{"samplers", "null"},
    Refused{"speculative.n_max", "null"},
    Refused{"speculative.n_min", "null"},
    Refused{"speculative.p_min", "null"},
    Refused{"t_max_predict_ms", "-1"},
    Refused{"timings_per_token", "false"},
    Refused{"top_n_sigma", "-1"},
    Refused{"typical_p", "1"},
    Refused{"xtc_probability", "0"},
    // vLLM's
    Refused{"add_special_tokens", "null"},
    Refused{"allowed_token_ids", "null"},
    Refused{"bad_words", "[]"},
    Refused{"cache_salt", "null"},
    Refused{"chat_template", "null"},
    Refused{"documents", "null"},
    Refused{"include_reasoning", "true"},
    Refused{"include_stop_str_in_output", "false"},
    Refused{"length_penalty", "1"},
    Refused{"logits_processors", "null"},
    Refused{"priority", "0"},
    Refused{"prompt_logprobs", "null"},
    Refused{"request_id", "null"},
    Refused{"return_token_ids", "false"},
    Refused{"return_tokens_as_token_ids", "false"},
    Refused{"skip_special_tokens", "true"},
    Refused{"spaces_between_special_tokens", "true"},
    Refused{"stop_token_ids", "[]"},
    Refused{"truncate_prompt_tokens", "null"},
    Refused{"use_beam_search", "false"},
};

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

std::vector<std::pair<Token, float>> parse_logit_bias(const Json& value, int vocab_size) {
  if (!value.is_object()) {
    throw bad_field("logit_bias", "expected an object of token ids, found " + type_text(value));
  }
  std::vector<std::pair<Token, float>> biases;
  for (const auto& [key, bias] : value.items()) {
    Token token = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token);
    if (error != std::errc{} || end != key.data() + key.size() || token < 0 ||
        token >= vocab_size) {
      throw bad_field("logit_bias", fmt::format("'{}' is no token id below {}", key, vocab_size));
    }
    const double number = bias.is_number() ? bias.get<double>() : 2 * kBan;
    if (!(number >= kBan && number <= -kBan)) {
      throw bad_field("logit_bias",
                      fmt::format("expected a number in [-100, 100] for token {}", token));
    }
    biases.emplace_back(token, number == kBan ? -std::numeric_limits<float>::infinity()
                                              : static_cast<float>(number));
  }
  return biases;
}

std::vector<std::string> stops_of(const Json& value, const std::string& field) {
  std::vector<std::string> stops;
  const auto add = [&](const Json& stop) {
    if (!stop.is_string() || stop.get_ref<const std::string&>().empty()) {
      throw bad_field(field, "expected a string or an array of strings, none of them empty");
    }
    stops.push_back(stop.get<std::string>());
  };
  if (!value.is_array()) {
    add(value);
    return stops;
  }
  if (value.size() > kMostStops) {
    throw bad_field(field, fmt::format("more than {} strings", kMostStops));
  }
  std::for_each(value.begin(), value.end(), add);
  return stops;
}

void parse_sampling(const Fields& fields, const RequestLimits& limits, GenerationRequest& request) {
  SamplingOptions& sampling = request.sampling;
  sampling = limits.defaults.sampling;
  const auto set = [](auto value, auto& field) {
    if (value) field = static_cast<std::remove_reference_t<decltype(field)>>(*value);
  };
  set(fields.number("temperature", 0, kMostTemperature), sampling.temperature);
  set(fields.number("top_p", 0, 1), sampling.top_p);
  sampling.top_p = std::max(sampling.top_p, kLeastTopP);
  set(fields.integer("top_k", -1, kMostTokens), sampling.top_k);
  sampling.top_k = std::max(sampling.top_k, 0);  // -1 is vLLM's "all"
  set(fields.number("min_p", 0, 1), sampling.min_p);
  for (const char* name : {"repetition_penalty", "repeat_penalty"}) {  // vLLM's, llama-server's
    set(fields.number(name, kLeastTopP, 100), sampling.repeat_penalty);
  }
  set(fields.integer("repeat_last_n", 0, kMostTokens), sampling.repeat_last_n);
  set(fields.number("presence_penalty", -2, 2), sampling.presence_penalty);
  set(fields.number("frequency_penalty", -2, 2), sampling.frequency_penalty);
  constexpr std::int64_t kMostSeed = std::numeric_limits<std::int64_t>::max();
  const auto seed = fields.integer("seed", -kMostSeed, kMostSeed);
  if (seed && *seed != -1) {  // -1 is llama-server's "any"
    sampling.seed = static_cast<std::uint64_t>(*seed);
  } else if (seed || limits.random_seed) {
    sampling.seed = random_seed();
  }
  if (const Json* bias = fields.find("logit_bias")) {
    sampling.logit_bias = parse_logit_bias(*bias, limits.vocab_size);
  }
  parse_output_format(fields, request);
}

void parse_routing(const Fields& citer, GenerationRequest& request) {
  request.routing.policy = citer.string("policy");
  request.routing.threshold = citer.number("threshold", 0, 1);
  request.routing.budget = citer.number("budget", 0, 1);
  request.routing.accuracy = citer.number("accuracy", 0, 1);
  request.routing.confidence = citer.number("confidence", 0, 1);
  request.trace = citer.boolean("trace").value_or(false);
  citer.refuse_others();
}

void check_fixed(const Fields& fields) {
  for (const char* name : kWithoutEffect) fields.find(name);
  for (const Refused& refused : kRefused) {
    if (fields.find(refused.name) == nullptr) continue;
    fields.refuse_unless(refused.name, Json::parse(refused.taken));
  }
  const std::string tier = fields.string("service_tier").value_or("auto");
  if (tier != "auto" && tier != "default" && tier != "standard_only") {
    fields.refuse_unless("service_tier", "auto");
  }
}

}  // namespace

void parse_stop(const Fields& fields, const char* name, const RequestLimits& limits,
                GenerationRequest& request) {
  request.stop = limits.defaults.stop;
  if (const Json* stop = fields.find(name)) request.stop = stops_of(*stop, fields.path(name));
}

GenerationRequest parse_shared_fields(const Fields& fields, const RequestLimits& limits) {
  GenerationRequest request;
  request.model = fields.string("model").value_or("");
  parse_sampling(fields, limits, request);
  request.max_tokens = limits.defaults.max_tokens;
  request.ignore_eog = fields.boolean("ignore_eos").value_or(limits.defaults.ignore_eog);
  request.min_tokens = static_cast<int>(fields.integer("min_tokens", 0, kMostTokens).value_or(0));
  request.stream = fields.boolean("stream").value_or(false);
  if (const auto citer = fields.object("citer")) parse_routing(*citer, request);
  check_fixed(fields);
  return request;
}

std::vector<Token> parse_token_ids(const Json* ids, const std::string& field, int vocab_size) {
  if (ids == nullptr || !ids->is_array()) throw bad_field(field, "expected an array of token ids");
  std::vector<Token> tokens;
  tokens.reserve(ids->size());
  for (const Json& id : *ids) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= static_cast<unsigned>(vocab_size)) {
      throw bad_field(field, fmt::format("expected token ids below {}, found {}", vocab_size,
                                         id.is_number() ? id.dump() : type_text(id)));
    }
    tokens.push_back(id.get<Token>());
  }
  return tokens;
}

}  // namespace citer
