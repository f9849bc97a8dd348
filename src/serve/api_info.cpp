// What is told of the models and their tokens.
#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "model/chat_format.h"
#include "model/llm_server.h"
#include "model/vocab.h"
#include "serve/api.h"
#include "serve/api_error.h"
#include "serve/chat_fields.h"
#include "serve/counters_json.h"
#include "serve/messages.h"
#include "serve/presets.h"
#include "serve/request_fields.h"

namespace citer {

namespace {

constexpr int kNotImplemented = 501;

Json facts_json(const ModelFacts& facts) {
  return {{"path", facts.path},
          {"description", facts.description},
          {"parameters", facts.parameters},
          {"bytes", facts.bytes},
          {"cache_bytes_per_token", facts.cache_bytes_per_token}};
}

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

/// Thresholds of a policy at some budgets; empty if it has no calibration.
Json calibration_json(const RoutingPolicy& policy) {
  Json points = Json::array();
  for (const double budget : {0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5}) {
    const auto threshold = policy.threshold_for_budget(budget);
    if (threshold) points.push_back({{"budget", budget}, {"threshold", *threshold}});
  }
  return points;
}

/// What a policy can promise, each with the threshold that keeps it, null where the LLM alone does;
/// empty if it knows no outcomes.
Json promises_json(const RoutingPolicy& policy) {
  Json levels = Json::array();
  for (const double accuracy : {0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995}) {
    const auto promise = policy.promise(PromiseOptions{.accuracy = accuracy});
    if (!promise) break;
    levels.push_back({{"accuracy", accuracy},
                      {"confidence", promise->asked.confidence},
                      {"threshold", optional_json(promise->threshold)}});
  }
  return levels;
}

/// What the server promises, and what watching it has shown; null where there is no promise.
Json promise_status_json(const std::optional<PromiseStatus>& status) {
  if (!status) return nullptr;
  Json json = promise_json(status->promise);
  json["holds"] = status->holds;
  json["watched_answers"] = status->watched_answers;
  json["evidence_against"] = status->evidence;
  return json;
}

bool has_chat_template(const Service& service) {
  try {
    const Json hello = Json::array({{{"role", "user"}, {"content", "Hello"}}});
    return !service.pair().chat_format().read(hello, nullptr, nullptr).tokens.empty();
  } catch (const InputError&) {
    return false;
  }
}

/// As llama-server tells them.
Json settings_json(const GenerationOptions& defaults, int context_size) {
  const SamplingOptions& sampling = defaults.sampling;
  return {{"n_ctx", context_size},
          {"params",
           {{"seed", sampling.seed},
            {"temperature", sampling.temperature},
            {"top_k", sampling.top_k},
            {"top_p", sampling.top_p},
            {"min_p", sampling.min_p},
            {"repeat_penalty", sampling.repeat_penalty},
            {"max_tokens", defaults.max_tokens}}}};
}

/// A piece as llama-server's /tokenize gives it: text, or its bytes where they are no text.
Json piece_json(const std::string& piece) {
  if (valid_utf8(piece) == piece) return piece;
  Json bytes = Json::array();
  for (const char c : piece) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

/// The conversation of a request that is not answered.
GenerationRequest parse_conversation(const Fields& fields, const RequestLimits& limits) {
  GenerationRequest request;
  request.api = ApiKind::kChat;
  parse_tools(fields, request);
  parse_thinking(fields, limits, request);
  request.messages = parse_messages(fields);
  parse_continuation(fields, request);
  return request;
}

}  // namespace

HttpReply json_reply(const Json& json) { return {.body = json.dump()}; }

Json template_json(const Pair& pair) {
  try {
    return pair.chat_format().chat_template().source();
  } catch (const InputError&) {
    return nullptr;
  }
}

/// Of one among several: it, its aliases, and the presets of each as NAME/PRESET.
std::vector<std::string> Api::model_names() const {
  const std::vector<std::string> presets = preset_names(service_.pair(), options_.defaults);
  std::vector<std::string> names = options_.name.empty() ? presets : std::vector{options_.name};
  names.insert(names.end(), options_.aliases.begin(), options_.aliases.end());
  if (options_.name.empty()) return names;
  for (const std::string& preset : presets) {
    if (preset != presets.front()) names.push_back(options_.name + "/" + preset);
  }
  return names;
}

bool Api::is_own(std::string_view name) const {
  const auto& aliases = options_.aliases;
  return name == options_.name || std::find(aliases.begin(), aliases.end(), name) != aliases.end();
}

/// The preset that a model's name stands for; "" for the model's own routing.
std::string Api::preset_of(const std::string& model) const {
  if (model.empty() || is_own(model)) return "";
  const std::size_t slash = model.rfind('/');
  if (slash != std::string::npos && slash > 0 && is_own(std::string_view(model).substr(0, slash))) {
    return model.substr(slash + 1);
  }
  if (options_.any_model && !is_model(service_.pair(), options_.defaults, model)) return "";
  return model;
}

std::string Api::known_preset_of(const std::string& model) const {
  std::string preset = preset_of(model);
  if (is_model(service_.pair(), options_.defaults, preset)) return preset;
  throw unknown_model(model, model_names());
}

Json Api::model_json(const std::string& name) const {
  known_preset_of(name);
  return {{"id", name},
          {"object", "model"},
          {"created", started_},
          {"owned_by", "citer"},
          {"max_model_len", service_.context_size()}};
}

/// llama-server's request, or vLLM's, which has `prompt` or `messages` instead of `content`.
HttpReply Api::tokenize(const HttpRequest& request) {
  const Json body = parse_body(request.body);
  const Fields fields(body);
  const Vocab& vocab = service_.pair().vocab();
  for (const char* name : {"model", "add_special_tokens", "add_special"}) fields.find(name);
  std::vector<Token> tokens;
  if (fields.find("messages") != nullptr) {
    tokens = conversation(parse_conversation(fields, limits())).tokens;
  } else {
    const auto content = fields.string("content");
    const auto prompt = fields.string("prompt");
    if (!content && !prompt) throw bad_field("content", "missing");
    const bool add_special = content ? fields.boolean("add_special").value_or(false)
                                     : fields.boolean("add_special_tokens").value_or(true);
    tokens = vocab.tokenize(content ? *content : *prompt, add_special,
                            fields.boolean("parse_special").value_or(true));
  }
  Json reply = {
      {"tokens", tokens}, {"count", tokens.size()}, {"max_model_len", service_.context_size()}};
  if (fields.boolean("with_pieces").value_or(false)) {
    reply["tokens"] = Json::array();
    for (const Token token : tokens) {
      reply["tokens"].push_back({{"id", token}, {"piece", piece_json(vocab.piece(token))}});
    }
  }
  if (fields.boolean("return_token_strs").value_or(false)) {
    for (const Token token : tokens) reply["token_strs"].push_back(token_text(vocab, token));
  }
  fields.refuse_others();
  return json_reply(reply);
}

HttpReply Api::detokenize(const HttpRequest& request) {
  const Json body = parse_body(request.body);
  const Fields fields(body);
  const Vocab& vocab = service_.pair().vocab();
  const std::vector<Token> tokens = parse_token_ids(fields.find("tokens"), "tokens", vocab.size());
  fields.find("model");
  fields.refuse_others();
  const std::string text = valid_utf8(vocab.text(tokens));
  return json_reply({{"content", text}, {"prompt", text}});
}

HttpReply Api::tokenizer_info(const HttpRequest& /*request*/) {
  const Vocab& vocab = service_.pair().vocab();
  const auto spelled = [&](Token token) {
    return token < 0 ? Json() : Json(vocab.spelling(token));
  };
  return json_reply({{"tokenizer_class", "citer"},
                     {"bos_token", spelled(vocab.beginning())},
                     {"eos_token", spelled(vocab.end_of_answer())},
                     {"pad_token", spelled(vocab.end_of_answer())},
                     {"add_bos_token", vocab.adds_beginning()},
                     {"model_max_length", service_.context_size()},
                     {"vocab_size", vocab.size()},
                     {"chat_template", template_json(service_.pair())}});
}

HttpReply Api::apply_template(const HttpRequest& request) {
  const Json body = parse_body(request.body);
  const Fields fields(body);
  fields.find("model");
  const GenerationRequest parsed = parse_conversation(fields, limits());
  fields.refuse_others();
  return json_reply({{"prompt", rendered(parsed)}});
}

HttpReply Api::props(const HttpRequest& /*request*/) {
  const GenerationOptions& defaults = options_.defaults;
  const auto policy = service_.pair().policy(defaults.policy);
  const ServiceStatus status = service_.status();
  Json routers = Json::array();
  for (const RouterFacts& router : service_.pair().router_facts()) {
    routers.push_back({{"policy", router.policy}, {"fingerprint", router.fingerprint}});
  }
  return json_reply(
      {{"slm", facts_json(service_.slm_facts())},
       {"llm", facts_json(service_.llm_facts())},
       {"models", model_names()},
       {"policies", available_policies(service_.pair())},
       {"routers", std::move(routers)},
       {"default_policy", policy->name()},
       {"default_threshold", choose_threshold(*policy, defaults)},
       {"promise", promise_status_json(metrics_.promise())},
       {"default_budget", optional_json(defaults.budget)},
       {"calibration", calibration_json(*policy)},
       {"promises", promises_json(*policy)},
       {"default_generation_settings", settings_json(defaults, service_.context_size())},
       {"model_path", service_.llm_facts().path},
       {"chat_template", template_json(service_.pair())},
       {"has_chat_template", has_chat_template(service_)},
       {"calls_tools", tool_call_form(service_.pair()).has_value()},
       {"context_size", service_.context_size()},
       {"total_slots", status.sequences},
       {"active", status.active},
       {"queued", status.queued}});
}

HttpReply Api::slots(const HttpRequest& /*request*/) {
  if (!options_.shows_slots) {
    throw ApiError(kNotImplemented, "this server does not show its slots", "not_implemented");
  }
  Json slots = Json::array();
  for (const SlotStatus& slot : service_.status().slots) {
    slots.push_back({{"id", slots.size()},
                     {"n_ctx", service_.context_size()},
                     {"is_processing", slot.is_active},
                     {"n_prompt_tokens", slot.prompt_tokens},
                     {"n_decoded", slot.written}});
  }
  return json_reply(slots);
}

std::optional<bool> Api::is_llm_reachable() const {
  const auto& server = service_.pair().llm_server();
  if (!server) return std::nullopt;
  return server->is_reachable();
}

}  // namespace citer
