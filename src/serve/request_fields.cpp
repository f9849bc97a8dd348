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
constexpr std::size_t kMostPrompts = 2048;
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
    Refused{"dry_multiplier", "0"},
    Refused{"dynatemp_range", "0"},
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

/// The tokens that a bias is for: one by its id, or those of a text.
std::vector<Token> biased_tokens(const std::string& key, const RequestLimits& limits) {
  Token token = -1;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token);
  if (error == std::errc::invalid_argument || end != key.data() + key.size()) {
    std::vector<Token> tokens = limits.tokenize(key, false);
    if (tokens.empty()) throw bad_field("logit_bias", "expected a token id or a text");
    return tokens;
  }
  if (error != std::errc{} || token < 0 || token >= limits.vocab_size) {
    throw bad_field("logit_bias",
                    fmt::format("'{}' is no token id below {}", key, limits.vocab_size));
  }
  return {token};
}

float bias_of(const Json& value, const std::string& key) {
  if (value == false) return -std::numeric_limits<float>::infinity();  // llama-server's "never"
  const double number = value.is_number() ? value.get<double>() : 2 * kBan;
  if (!(number >= kBan && number <= -kBan)) {
    throw bad_field("logit_bias", fmt::format("expected a number in [-100, 100] for {}", key));
  }
  return number == kBan ? -std::numeric_limits<float>::infinity() : static_cast<float>(number);
}

/// OpenAI's {"ID": bias}, or llama-server's [[id or text, bias], ...].
std::vector<std::pair<Token, float>> parse_logit_bias(const Json& value,
                                                      const RequestLimits& limits) {
  std::vector<std::pair<Token, float>> biases;
  const auto add = [&](const std::string& key, const Json& bias) {
    for (const Token token : biased_tokens(key, limits)) {
      biases.emplace_back(token, bias_of(bias, key));
    }
  };
  if (value.is_object()) {
    for (const auto& [key, bias] : value.items()) add(key, bias);
    return biases;
  }
  if (!value.is_array()) {
    throw bad_field("logit_bias", "expected an object or an array, found " + type_text(value));
  }
  for (const Json& pair : value) {
    const bool is_pair = pair.is_array() && pair.size() == 2;
    if (!is_pair || !(pair[0].is_string() || pair[0].is_number_integer())) {
      throw bad_field("logit_bias", "expected pairs of a token id or a text and its bias");
    }
    add(pair[0].is_string() ? pair[0].get<std::string>() : pair[0].dump(), pair[1]);
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
    sampling.logit_bias = parse_logit_bias(*bias, limits);
  }
  parse_output_format(fields, request);
}

/// Token ids, and texts among them, as llama-server takes them.
std::vector<Token> parse_mixed_tokens(const Json& parts, const RequestLimits& limits) {
  const auto is_text = [](const Json& part) { return part.is_string(); };
  if (std::none_of(parts.begin(), parts.end(), is_text)) {
    return parse_token_ids(&parts, "prompt", limits.vocab_size);
  }
  std::vector<Token> tokens;
  for (const Json& part : parts) {
    const Json id = Json::array({part});
    const std::vector<Token> more = part.is_string()
                                        ? limits.tokenize(part.get<std::string>(), tokens.empty())
                                        : parse_token_ids(&id, "prompt", limits.vocab_size);
    tokens.insert(tokens.end(), more.begin(), more.end());
  }
  return tokens;
}

/// A prompt's text as llama-server takes it, beside pictures.
std::string parse_prompt_object(const Json& prompt, const std::string& place) {
  const Fields fields = element_fields(prompt, place);
  std::string text = fields.needed_string("prompt_string");
  fields.refuse_unless("multimodal_data", Json::array());
  fields.refuse_others();
  return text;
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

}  // namespace

void parse_max_tokens(const Fields& fields, std::initializer_list<const char*> names, int least,
                      const RequestLimits& limits, GenerationRequest& request) {
  request.max_tokens = limits.defaults.max_tokens;
  for (const char* name : names) {
    const auto most = fields.integer(name, least, kMostTokens);
    request.max_tokens = static_cast<int>(most.value_or(request.max_tokens));
  }
  if (limits.most_tokens && (request.max_tokens < 0 || request.max_tokens > *limits.most_tokens)) {
    request.max_tokens = *limits.most_tokens;
  }
}

void parse_stop(const Fields& fields, const char* name, const RequestLimits& limits,
                GenerationRequest& request) {
  request.stop = limits.defaults.stop;
  if (const Json* stop = fields.find(name)) request.stop = stops_of(*stop, fields.path(name));
}

GenerationRequest parse_shared_fields(const Fields& fields, const RequestLimits& limits) {
  GenerationRequest request;
  request.model = fields.string("model").value_or("");
  parse_sampling(fields, limits, request);
  request.ignore_eog = fields.boolean("ignore_eos").value_or(limits.defaults.ignore_eog);
  request.min_tokens = static_cast<int>(fields.integer("min_tokens", 0, kMostTokens).value_or(0));
  request.stream = fields.boolean("stream").value_or(false);
  request.reuse_prefix = fields.boolean("cache_prompt").value_or(true);
  const auto slot = fields.integer("id_slot", -1, kMostTokens).value_or(-1);
  if (slot >= 0) request.slot = static_cast<int>(slot);  // -1 is llama-server's "any"
  if (const auto citer = fields.object("citer")) parse_routing(*citer, request);
  return request;
}

void refuse_rest(const Fields& fields) {
  for (const char* name : kWithoutEffect) fields.find(name);
  for (const Refused& refused : kRefused) {
    if (fields.is_read(refused.name)) continue;  // this API has it
    fields.refuse_unless(refused.name, Json::parse(refused.taken));
  }
  const std::string tier = fields.string("service_tier").value_or("auto");
  if (tier != "auto" && tier != "default" && tier != "standard_only") {
    fields.refuse_unless("service_tier", "auto");
  }
  fields.refuse_others();
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

std::vector<TextOrTokens> parse_prompts(const Fields& fields, const RequestLimits& limits) {
  const Json* prompt = fields.find("prompt");
  if (prompt == nullptr) throw bad_field("prompt", "missing");
  if (prompt->is_object()) return {parse_prompt_object(*prompt, "prompt")};
  if (prompt->is_string()) return {prompt->get<std::string>()};
  if (!prompt->is_array() || prompt->empty()) {
    throw bad_field("prompt",
                    "expected a string, an array of strings, token ids, or an array of "
                    "arrays of token ids");
  }
  const auto is_number = [](const Json& part) { return part.is_number(); };
  if (std::any_of(prompt->begin(), prompt->end(), is_number)) {
    return {parse_mixed_tokens(*prompt, limits)};
  }
  if (prompt->size() > kMostPrompts) {
    throw bad_field("prompt", fmt::format("more than {} prompts", kMostPrompts));
  }
  std::vector<TextOrTokens> prompts;
  prompts.reserve(prompt->size());
  for (const Json& one : *prompt) {
    if (one.is_string()) {
      prompts.emplace_back(one.get<std::string>());
    } else if (one.is_object()) {
      prompts.emplace_back(parse_prompt_object(one, fmt::format("prompt[{}]", prompts.size())));
    } else if (one.is_array()) {
      prompts.emplace_back(parse_mixed_tokens(one, limits));
    } else {
      throw bad_field("prompt", "expected strings or arrays of token ids, found " + type_text(one));
    }
  }
  return prompts;
}

}  // namespace citer
