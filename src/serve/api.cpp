#include "serve/api.h"

#include <algorithm>
#include <ctime>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/utf8.h"
#include "model/chat_format.h"
#include "model/vocab.h"
#include "serve/api_error.h"
#include "serve/counters_json.h"
#include "serve/generation.h"

namespace citer {

namespace {

constexpr int kBadRequest = 400;

HttpReply json_reply(const Json& json) { return {.body = json.dump()}; }

Json facts_json(const ModelFacts& facts) {
  return {{"path", facts.path},
          {"description", facts.description},
          {"parameters", facts.parameters},
          {"bytes", facts.bytes},
          {"cache_bytes_per_token", facts.cache_bytes_per_token}};
}

/// Thresholds of a policy at some budgets; empty if it has no calibration.
Json calibration_json(const RoutingPolicy& policy) {
  Json points = Json::array();
  for (const double budget : {0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5}) {
    const auto threshold = policy.threshold_for_budget(budget);
    if (threshold) points.push_back({{"budget", budget}, {"threshold", *threshold}});
  }
  return points;
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

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

bool has_chat_template(const Service& service) {
  try {
    const Json hello = Json::array({{{"role", "user"}, {"content", "Hello"}}});
    return !service.pair().chat_format().read(hello, nullptr, nullptr).tokens.empty();
  } catch (const InputError&) {
    return false;
  }
}

/// How the chat template has tools called; none where there is no template, either.
std::optional<ToolCallForm> tool_call_form(const Service& service) {
  try {
    const ChatTemplate& used = service.pair().chat_format().chat_template();
    return used.takes_tools() ? citer::tool_call_form(used.source()) : std::nullopt;
  } catch (const InputError&) {
    return std::nullopt;
  }
}

/// Finds out how the tools are called, and sets the grammar of a call that has to be made.
void prepare_tools(const Service& service, GenerationRequest& parsed) {
  if (parsed.tools.empty()) return;
  parsed.tool_calls = tool_call_form(service);
  if (!parsed.tool_calls) {
    throw bad_field("tools",
                    "the model's chat template has none, or calls them in a way that is not known");
  }
  if (parsed.must_call.empty()) return;
  try {
    parsed.sampling.grammar = tool_call_grammar(*parsed.tool_calls, parsed.must_call);
  } catch (const UsageError& e) {
    throw bad_field("tools", e.what());
  }
  parsed.grammar_field = "tools";
}

/// A piece as llama-server's /tokenize gives it: text, or its bytes where they are no text.
Json piece_json(const std::string& piece) {
  if (valid_utf8(piece) == piece) return piece;
  Json bytes = Json::array();
  for (const char c : piece) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

/// What is wrong with a prompt of so many tokens, by the field that it comes from.
ApiError too_long(const std::string& field, std::size_t tokens, int context_size) {
  return ApiError(kBadRequest,
                  fmt::format("{}: {} tokens, but the context holds {}, answer included", field,
                              tokens, context_size),
                  "context_length_exceeded", field)
      .with("n_prompt_tokens", static_cast<std::int64_t>(tokens))
      .with("n_ctx", context_size);
}

}  // namespace

Api::Api(Service& service, ServerMetrics& metrics, ApiOptions options)
    : service_(service), metrics_(metrics), options_(std::move(options)) {
  const GenerationOptions& defaults = options_.defaults;
  metrics_.on_note = options_.on_note;
  const auto policy = service.pair().policy(defaults.policy);
  choose_threshold(*policy, defaults);
  const auto promise = choose_promise(*policy, defaults);
  if (promise) metrics_.watch(*promise, policy->disagreements(promise->threshold.value_or(1.0)));
}

RequestLimits Api::limits() const {
  return {options_.defaults, options_.random_seed, service_.pair().vocab().size()};
}

HttpReply Api::chat_completions(const HttpRequest& request) {
  const auto arrival = std::chrono::steady_clock::now();
  return generate(parse_chat_request(parse_body(request.body), limits()), request, arrival);
}

HttpReply Api::completions(const HttpRequest& request) {
  const auto arrival = std::chrono::steady_clock::now();
  return generate(parse_completion_request(parse_body(request.body), limits()), request, arrival);
}

/// The conversation, or the prompts as they are, as tokens; throws ApiError where one is empty or
/// too long.
std::vector<Prompt> Api::prompts_of(const GenerationRequest& parsed) const {
  std::vector<Prompt> prompts;
  if (parsed.chat) {
    try {
      prompts.push_back(service_.pair().chat_format().read(parsed.messages, parsed.tools,
                                                           parsed.template_kwargs));
      std::optional<Thinking>& thinking = prompts.back().thinking;
      if (thinking) thinking->is_kept = parsed.keeps_thinking;
    } catch (const InputError& e) {
      // Without the template's path, which is the server's business.
      const std::string_view what = e.what();
      throw bad_field("messages",
                      std::string(what.substr(std::min(what.find(": ") + 2, what.size()))));
    }
  }
  for (const TextOrTokens& prompt : parsed.prompts) {
    const auto* text = std::get_if<std::string>(&prompt);
    prompts.push_back(text != nullptr ? service_.pair().read({.text = *text, .raw = true})
                                      : Prompt{.tokens = std::get<std::vector<Token>>(prompt)});
  }
  for (const Prompt& prompt : prompts) {
    const std::string field = parsed.chat ? "messages" : "prompt";
    if (prompt.tokens.empty()) throw bad_field(field, "a prompt without tokens");
    if (static_cast<int>(prompt.tokens.size()) >= service_.context_size()) {
      throw too_long(field, prompt.tokens.size(), service_.context_size());
    }
  }
  return prompts;
}

/// Throws ApiError naming the field that a grammar comes from.
void Api::check_grammar(const GenerationRequest& parsed) const {
  try {
    service_.pair().check_grammar(parsed.sampling.grammar);
  } catch (const UsageError& e) {
    throw bad_field(parsed.grammar_field, e.what());
  }
}

/// For each prompt its n answers.
std::vector<Request> Api::requests_of(const GenerationRequest& parsed, const Routing& routing,
                                      const std::vector<Prompt>& prompts) const {
  check_grammar(parsed);
  Request common;
  common.options = options_.defaults;
  if (routing.is_named) {
    common.options.own_policy = routing.policy;
    common.options.threshold = routing.threshold;
    common.options.budget = routing.budget;
    common.options.promise = routing.promise;
  }
  common.options.sampling = parsed.sampling;
  common.options.stop = parsed.stop;
  common.options.reasoning_budget = parsed.reasoning_budget;
  common.score_prompt = parsed.echo && parsed.logprobs();

  std::vector<Request> requests;
  requests.reserve(prompts.size() * static_cast<std::size_t>(parsed.n));
  for (const Prompt& prompt : prompts) {
    Request request = common;
    request.prompt = prompt;
    // As llama-server does: a limit beyond the context is no error.
    const int room = service_.context_size() - static_cast<int>(prompt.tokens.size());
    request.options.max_tokens = std::min(parsed.max_tokens, room);
    for (int i = 0; i < parsed.n; ++i) {
      request.choice = static_cast<std::uint64_t>(i);
      requests.push_back(request);
    }
  }
  return requests;
}

ResponseFormat Api::format_of(const GenerationRequest& parsed, const Routing& routing,
                              const std::vector<Prompt>& prompts) const {
  ResponseFormat format{.chat = parsed.chat,
                        .logprobs = parsed.logprobs(),
                        .trace = parsed.trace,
                        .include_usage = parsed.include_usage,
                        .tool_calls = parsed.tool_calls,
                        .thinking = parsed.chat ? prompts.front().thinking : std::nullopt,
                        .model = parsed.model.empty() ? "citer" : parsed.model,
                        .policy = routing.policy->name(),
                        .promise_holds = metrics_.promise_holds()};
  if (!parsed.echo) return format;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto* text = std::get_if<std::string>(&parsed.prompts[i]);
    const std::string echo =
        text != nullptr ? *text : service_.pair().vocab().text(prompts[i].tokens);
    format.echoes.insert(format.echoes.end(), static_cast<std::size_t>(parsed.n), echo);
  }
  return format;
}

HttpReply Api::generate(GenerationRequest parsed, const HttpRequest& request,
                        std::chrono::steady_clock::time_point arrival) {
  const Routing routing =
      choose_routing(service_.pair(), options_.defaults, parsed.model, parsed.routing);
  prepare_tools(service_, parsed);
  const std::vector<Prompt> prompts = prompts_of(parsed);
  int prompt_tokens = 0;
  for (const Prompt& prompt : prompts) prompt_tokens += static_cast<int>(prompt.tokens.size());
  auto generation = std::make_shared<Generation>(
      service_, metrics_, requests_of(parsed, routing, prompts),
      ResponseWriter(service_.pair().vocab(), format_of(parsed, routing, prompts), prompt_tokens),
      arrival, options_.time_limit);
  metrics_.prompt_tokens += prompt_tokens;
  if (!parsed.stream) {
    try {
      return {.body = generation->whole(request.check)};
    } catch (const ClientGone&) {
      ++metrics_.cancellations;
      throw;
    }
  }
  return {.type = "text/event-stream; charset=utf-8",
          .body = "",
          .headers = {{"Cache-Control", "no-cache"}},
          .stream = [generation, check = request.check](const WriteBytes& write) {
            generation->stream(write, check);
          }};
}

HttpReply Api::models(const HttpRequest& /*request*/) {
  Json data = Json::array();
  for (const std::string& name : preset_names(service_.pair(), options_.defaults)) {
    data.push_back({{"id", name},
                    {"object", "model"},
                    {"created", std::time(nullptr)},
                    {"owned_by", "citer"}});
  }
  return json_reply({{"object", "list"}, {"data", std::move(data)}});
}

HttpReply Api::tokenize(const HttpRequest& request) {
  const Json body = parse_body(request.body);
  const Fields fields(body);
  const auto content = fields.string("content");
  if (!content) throw bad_field("content", "missing");
  const std::vector<Token> tokens =
      service_.pair().vocab().tokenize(*content, fields.boolean("add_special").value_or(false),
                                       fields.boolean("parse_special").value_or(true));
  if (!fields.boolean("with_pieces").value_or(false)) return json_reply({{"tokens", tokens}});
  Json pieces = Json::array();
  for (const Token token : tokens) {
    pieces.push_back({{"id", token}, {"piece", piece_json(service_.pair().vocab().piece(token))}});
  }
  return json_reply({{"tokens", std::move(pieces)}});
}

HttpReply Api::detokenize(const HttpRequest& request) {
  const Json body = parse_body(request.body);
  const std::vector<Token> tokens =
      parse_token_ids(Fields(body).find("tokens"), "tokens", service_.pair().vocab().size());
  return json_reply({{"content", valid_utf8(service_.pair().vocab().text(tokens))}});
}

HttpReply Api::props(const HttpRequest& /*request*/) {
  const GenerationOptions& defaults = options_.defaults;
  const auto policy = service_.pair().policy(defaults.policy);
  const ServiceStatus status = service_.status();
  Json routers = Json::array();
  for (const RouterFacts& router : service_.pair().router_facts()) {
    routers.push_back({{"policy", router.policy}, {"fingerprint", router.fingerprint}});
  }
  const SamplingOptions& sampling = defaults.sampling;
  return json_reply({{"slm", facts_json(service_.slm_facts())},
                     {"llm", facts_json(service_.llm_facts())},
                     {"models", preset_names(service_.pair(), defaults)},
                     {"policies", available_policies(service_.pair())},
                     {"routers", std::move(routers)},
                     {"default_policy", policy->name()},
                     {"default_threshold", choose_threshold(*policy, defaults)},
                     {"promise", promise_status_json(metrics_.promise())},
                     {"default_budget", optional_json(defaults.budget)},
                     {"calibration", calibration_json(*policy)},
                     {"default_generation_settings",
                      {{"temperature", sampling.temperature},
                       {"top_k", sampling.top_k},
                       {"top_p", sampling.top_p},
                       {"min_p", sampling.min_p},
                       {"repeat_penalty", sampling.repeat_penalty},
                       {"max_tokens", defaults.max_tokens}}},
                     {"has_chat_template", has_chat_template(service_)},
                     {"calls_tools", tool_call_form(service_).has_value()},
                     {"context_size", service_.context_size()},
                     {"total_slots", status.sequences},
                     {"active", status.active},
                     {"queued", status.queued}});
}

HttpReply Api::metrics(const HttpRequest& /*request*/) {
  return {.type = "text/plain; version=0.0.4; charset=utf-8",
          .body = metrics_.text(service_.status())};
}

}  // namespace citer
