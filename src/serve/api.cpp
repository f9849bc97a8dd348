#include "serve/api.h"

#include <algorithm>
#include <ctime>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/utf8.h"
#include "serve/api_error.h"
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

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

bool has_chat_template(const Inference& inference) {
  try {
    const Json hello = Json::array({{{"role", "user"}, {"content", "Hello"}}});
    return !inference.render(hello, nullptr).empty();
  } catch (const InputError&) {
    return false;
  }
}

/// How the chat template has tools called; none where there is no template, either.
std::optional<ToolCallForm> tool_call_form(const Inference& inference) {
  try {
    return inference.tool_call_form();
  } catch (const InputError&) {
    return std::nullopt;
  }
}

/// Finds out how the tools are called, and sets the grammar of a call that has to be made.
void prepare_tools(const Inference& inference, GenerationRequest& parsed) {
  if (parsed.tools.empty()) return;
  parsed.tool_calls = tool_call_form(inference);
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

}  // namespace

Api::Api(Inference& inference, ServerMetrics& metrics, ApiOptions options)
    : inference_(inference), metrics_(metrics), options_(std::move(options)) {
  const GenerationOptions& defaults = options_.defaults;
  choose_threshold(*inference.policies().find(defaults.policy), defaults.threshold,
                   defaults.budget);
}

RequestLimits Api::limits() const {
  return {options_.defaults, options_.random_seed, inference_.vocab().size()};
}

HttpReply Api::chat_completions(const HttpRequest& request) {
  const auto arrival = std::chrono::steady_clock::now();
  return generate(parse_chat_request(parse_body(request.body), limits()), request, arrival);
}

HttpReply Api::completions(const HttpRequest& request) {
  const auto arrival = std::chrono::steady_clock::now();
  return generate(parse_completion_request(parse_body(request.body), limits()), request, arrival);
}

/// The prompts as tokens; throws ApiError where one is empty or too long.
std::vector<std::vector<Token>> Api::prompts_of(const GenerationRequest& parsed) const {
  const Vocab& vocab = inference_.vocab();
  std::vector<std::vector<Token>> prompts;
  if (parsed.chat) {
    try {
      prompts.push_back(
          vocab.tokenize(inference_.render(parsed.messages, parsed.tools), true, true));
    } catch (const InputError& e) {
      // Without the template's path, which is the server's business.
      const std::string_view what = e.what();
      throw bad_field("messages",
                      std::string(what.substr(std::min(what.find(": ") + 2, what.size()))));
    }
  }
  for (const TextOrTokens& prompt : parsed.prompts) {
    const auto* text = std::get_if<std::string>(&prompt);
    prompts.push_back(text != nullptr ? vocab.tokenize(*text, true, true)
                                      : std::get<std::vector<Token>>(prompt));
  }
  for (const std::vector<Token>& prompt : prompts) {
    const std::string field = parsed.chat ? "messages" : "prompt";
    if (prompt.empty()) throw bad_field(field, "a prompt without tokens");
    if (static_cast<int>(prompt.size()) >= inference_.context_size()) {
      throw ApiError(kBadRequest,
                     fmt::format("{}: {} tokens, but the context holds {}, answer included", field,
                                 prompt.size(), inference_.context_size()),
                     "context_length_exceeded", field);
    }
  }
  return prompts;
}

/// Its grammar is compiled here, on the client's own thread.
Constraint Api::constraint_of(const GenerationRequest& parsed) const {
  try {
    return inference_.constraint(parsed.sampling.grammar);
  } catch (const UsageError& e) {
    throw bad_field(parsed.grammar_field, e.what());
  }
}

/// For each prompt its n answers.
std::vector<DecodeRequest> Api::decode_requests(
    const GenerationRequest& parsed, const Routing& routing,
    const std::vector<std::vector<Token>>& prompts) const {
  DecodeRequest common;
  common.policy = routing.policy;
  common.threshold = routing.threshold;
  common.budget = routing.budget;
  common.pending_limit = options_.defaults.pending_tokens;
  common.audit = options_.defaults.audit;
  common.ignore_eog = options_.defaults.ignore_eog;
  common.sampling = parsed.sampling;
  common.constraint = constraint_of(parsed);
  common.stop = parsed.stop;
  common.score_prompt = parsed.echo && parsed.logprobs();

  std::vector<DecodeRequest> requests;
  requests.reserve(prompts.size() * static_cast<std::size_t>(parsed.n));
  for (const std::vector<Token>& prompt : prompts) {
    DecodeRequest request = common;
    request.prompt = prompt;
    // As llama-server does: a limit beyond the context is no error. A prompt can be scored without
    // writing; otherwise 0 is 1 here and the token is not shown.
    const int room = inference_.context_size() - static_cast<int>(prompt.size());
    request.max_tokens = parsed.max_tokens < 0
                             ? room
                             : std::clamp(parsed.max_tokens, common.score_prompt ? 0 : 1, room);
    for (int i = 0; i < parsed.n; ++i) {
      request.choice = static_cast<std::uint64_t>(i);
      requests.push_back(request);
    }
  }
  return requests;
}

ResponseFormat Api::format_of(const GenerationRequest& parsed, const Routing& routing,
                              const std::vector<std::vector<Token>>& prompts) const {
  ResponseFormat format{.chat = parsed.chat,
                        .logprobs = parsed.logprobs(),
                        .trace = parsed.trace,
                        .include_usage = parsed.include_usage,
                        .score_only = parsed.max_tokens == 0,
                        .tool_calls = parsed.tool_calls,
                        .model = parsed.model.empty() ? "citer" : parsed.model,
                        .policy = routing.policy->name()};
  if (!parsed.echo) return format;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto* text = std::get_if<std::string>(&parsed.prompts[i]);
    const std::string echo = text != nullptr ? *text : inference_.vocab().text(prompts[i]);
    format.echoes.insert(format.echoes.end(), static_cast<std::size_t>(parsed.n), echo);
  }
  return format;
}

HttpReply Api::generate(GenerationRequest parsed, const HttpRequest& request,
                        std::chrono::steady_clock::time_point arrival) {
  const Routing routing =
      choose_routing(inference_.policies(), options_.defaults, parsed.model, parsed.routing);
  prepare_tools(inference_, parsed);
  const std::vector<std::vector<Token>> prompts = prompts_of(parsed);
  int prompt_tokens = 0;
  for (const auto& prompt : prompts) prompt_tokens += static_cast<int>(prompt.size());
  auto generation = std::make_shared<Generation>(
      inference_, metrics_, decode_requests(parsed, routing, prompts),
      ResponseWriter(inference_.vocab(), format_of(parsed, routing, prompts), prompt_tokens),
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
  for (const std::string& name : preset_names(inference_.policies(), options_.defaults)) {
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
      inference_.vocab().tokenize(*content, fields.boolean("add_special").value_or(false),
                                  fields.boolean("parse_special").value_or(true));
  if (!fields.boolean("with_pieces").value_or(false)) return json_reply({{"tokens", tokens}});
  Json pieces = Json::array();
  for (const Token token : tokens) {
    pieces.push_back({{"id", token}, {"piece", piece_json(inference_.vocab().piece(token))}});
  }
  return json_reply({{"tokens", std::move(pieces)}});
}

HttpReply Api::detokenize(const HttpRequest& request) {
  const Json body = parse_body(request.body);
  const std::vector<Token> tokens =
      parse_token_ids(Fields(body).find("tokens"), "tokens", inference_.vocab().size());
  return json_reply({{"content", valid_utf8(inference_.vocab().text(tokens))}});
}

HttpReply Api::props(const HttpRequest& /*request*/) {
  const GenerationOptions& defaults = options_.defaults;
  const auto policy = inference_.policies().find(defaults.policy);
  const InferenceStatus status = inference_.status();
  Json routers = Json::array();
  for (const RouterFacts& router : inference_.policies().routers()) {
    routers.push_back({{"policy", router.policy}, {"fingerprint", router.fingerprint}});
  }
  const SamplingOptions& sampling = defaults.sampling;
  return json_reply(
      {{"slm", facts_json(inference_.slm_facts())},
       {"llm", facts_json(inference_.llm_facts())},
       {"models", preset_names(inference_.policies(), defaults)},
       {"policies", available_policies(inference_.policies())},
       {"routers", std::move(routers)},
       {"default_policy", policy->name()},
       {"default_threshold", choose_threshold(*policy, defaults.threshold, defaults.budget)},
       {"default_budget", optional_json(defaults.budget)},
       {"calibration", calibration_json(*policy)},
       {"default_generation_settings",
        {{"temperature", sampling.temperature},
         {"top_k", sampling.top_k},
         {"top_p", sampling.top_p},
         {"min_p", sampling.min_p},
         {"repeat_penalty", sampling.repeat_penalty},
         {"max_tokens", defaults.max_tokens}}},
       {"has_chat_template", has_chat_template(inference_)},
       {"calls_tools", tool_call_form(inference_).has_value()},
       {"context_size", inference_.context_size()},
       {"total_slots", status.sequences},
       {"active", status.active},
       {"queued", status.queued}});
}

HttpReply Api::metrics(const HttpRequest& /*request*/) {
  return {.type = "text/plain; version=0.0.4; charset=utf-8",
          .body = metrics_.text(inference_.status())};
}

}  // namespace citer
