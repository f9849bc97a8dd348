#include "serve/api.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/rng.h"
#include "model/chat_format.h"
#include "model/fingerprint.h"
#include "model/vocab.h"
#include "serve/api_error.h"
#include "serve/generation.h"
#include "serve/llama_server_request.h"
#include "serve/llama_server_response.h"
#include "serve/messages_request.h"
#include "serve/messages_response.h"
#include "serve/openai_request.h"
#include "serve/openai_response.h"
#include "serve/responses_request.h"
#include "serve/responses_response.h"

namespace citer {

namespace {

constexpr int kBadRequest = 400;

/// Sees that tools can be called, and sets the grammar of calls that have to be made.
void prepare_tools(const Pair& pair, GenerationRequest& parsed) {
  if (parsed.tools.empty()) return;
  const auto form = tool_call_form(pair);
  if (!form) {
    throw bad_field("tools",
                    "the model's chat template has none, or has them called in a form that is not "
                    "known; known are <tool_call>{\"name\": ..., \"arguments\": ...}</tool_call> "
                    "and {\"name\": ..., \"parameters\": ...}");
  }
  if (parsed.must_call.empty()) return;
  try {
    const bool several = parsed.parallel_tool_calls.value_or(false);
    parsed.sampling.grammar = tool_call_grammar(*form, parsed.must_call, several);
  } catch (const UsageError& e) {
    throw bad_field("tools", e.what());
  }
  parsed.grammar_field = "tools";
}

/// What may be called in the answer; nothing where there are no tools.
std::optional<CallableTools> callable_tools(const GenerationRequest& parsed) {
  if (parsed.tools.empty()) return std::nullopt;
  CallableTools callable{.must_call = !parsed.must_call.empty(),
                         .only_one = !parsed.parallel_tool_calls.value_or(true)};
  for (const Json& tool : parsed.tools) callable.names.push_back(tool["function"]["name"]);
  return callable;
}

/// The conversation's field, in the words of its API.
const char* prompt_field(const GenerationRequest& parsed) {
  if (parsed.api == ApiKind::kResponses) return "input";
  return parsed.chat() ? "messages" : "prompt";
}

std::unique_ptr<ResponseWriter> make_writer(const Vocab& vocab, ResponseFormat format,
                                            int prompt_tokens) {
  switch (format.api) {
    case ApiKind::kResponses:
      return std::make_unique<ResponsesWriter>(vocab, std::move(format), prompt_tokens);
    case ApiKind::kMessages:
      return std::make_unique<MessagesWriter>(vocab, std::move(format), prompt_tokens);
    case ApiKind::kLlamaServer:
      return std::make_unique<LlamaServerWriter>(vocab, std::move(format), prompt_tokens);
    default:
      return std::make_unique<CompletionWriter>(vocab, std::move(format), prompt_tokens);
  }
}

/// Without the template's path, which is the server's business.
ApiError template_error(const InputError& error, const char* field) {
  const std::string_view what = error.what();
  return bad_field(field, std::string(what.substr(std::min(what.find(": ") + 2, what.size()))));
}

/// The messages that the template is given.
Json messages_before(const GenerationRequest& parsed) {
  Json messages = parsed.messages;
  if (parsed.continues) messages.erase(messages.size() - 1);
  return messages;
}

/// Puts the message that an answer goes on with behind its prompt.
void go_on(const Pair& pair, const Json& message, Prompt& prompt) {
  if (!pair.has_one_vocabulary()) {
    throw bad_field("messages", "a pair of two vocabularies cannot go on with a message");
  }
  std::string text = message["content"];
  if (prompt.thinking && prompt.thinking->is_open) {
    text = message.value("reasoning_content", "") + prompt.thinking->close + text;
    prompt.thinking->is_open = false;
  }
  const std::vector<Token> more = pair.vocab().continuation(text);
  prompt.tokens.insert(prompt.tokens.end(), more.begin(), more.end());
}

/// Another one for other models, routers or prompt formats: what makes answers differ.
std::string fingerprint_of(const Service& service, const std::string& version) {
  std::string facts = version + service.pair().chat_format().name();
  for (const ModelFacts& model : {service.slm_facts(), service.llm_facts()}) {
    facts += fmt::format(" {} {} {}", model.description, model.parameters, model.bytes);
  }
  for (const RouterFacts& router : service.pair().router_facts()) facts += router.fingerprint;
  return "fp_" + fingerprint_text(hash64(facts));
}

/// What is wrong with a prompt of so many tokens, by the field that it comes from.
ApiError too_long(const std::string& field, std::size_t tokens, int context_size) {
  return ApiError(kBadRequest,
                  fmt::format("{}: a prompt of {} tokens exceeds the available context size of {} "
                              "tokens, answer included",
                              field, tokens, context_size),
                  "context_length_exceeded", field)
      .of_type("exceed_context_size_error")  // llama-server's word, as the code is OpenAI's
      .with("n_prompt_tokens", static_cast<std::int64_t>(tokens))
      .with("n_ctx", context_size);
}

}  // namespace

std::optional<ToolCallForm> tool_call_form(const Pair& pair) {
  try {
    const ChatTemplate& used = pair.chat_format().chat_template();
    return used.takes_tools() ? tool_call_form(used.source()) : std::nullopt;
  } catch (const InputError&) {
    return std::nullopt;
  }
}

Api::Api(Service& service, ServerMetrics& metrics, ApiOptions options)
    : service_(service),
      metrics_(metrics),
      options_(std::move(options)),
      started_(std::time(nullptr)),
      fingerprint_(fingerprint_of(service, options_.version)) {
  const GenerationOptions& defaults = options_.defaults;
  metrics_.on_note = options_.on_note;
  const auto policy = service.pair().policy(defaults.policy);
  choose_threshold(*policy, defaults);
  const auto promise = choose_promise(*policy, defaults);
  if (promise) metrics_.watch(*promise, policy->disagreements(promise->threshold.value_or(1.0)));
}

RequestLimits Api::limits() const {
  const Vocab& vocab = service_.pair().vocab();
  const auto tokenize = [&vocab](const std::string& text, bool begins) {
    return vocab.tokenize(text, begins, true);
  };
  return {options_.defaults, options_.random_seed, vocab.size(), options_.most_tokens, tokenize};
}

HttpReply Api::chat_completions(const HttpRequest& request) {
  const auto arrival = std::chrono::steady_clock::now();
  return generate(parse_chat_request(parse_body(request.body), limits()), request, arrival);
}

HttpReply Api::completions(const HttpRequest& request) {
  const auto arrival = std::chrono::steady_clock::now();
  return generate(parse_completion_request(parse_body(request.body), limits()), request, arrival);
}

HttpReply Api::llama_server_completion(const HttpRequest& request) {
  const auto arrival = std::chrono::steady_clock::now();
  return generate(parse_llama_server_request(parse_body(request.body), limits()), request, arrival);
}

HttpReply Api::responses(const HttpRequest& request) {
  const auto arrival = std::chrono::steady_clock::now();
  return generate(parse_responses_request(parse_body(request.body), limits()), request, arrival);
}

HttpReply Api::messages(const HttpRequest& request) {
  const auto arrival = std::chrono::steady_clock::now();
  return generate(parse_messages_request(parse_body(request.body), limits()), request, arrival);
}

HttpReply Api::counted(const GenerationRequest& parsed) const {
  return json_reply({{"input_tokens", conversation(parsed).tokens.size()}});
}

HttpReply Api::count_chat_tokens(const HttpRequest& request) {
  return counted(parse_chat_request(parse_body(request.body), limits()));
}

HttpReply Api::count_responses_tokens(const HttpRequest& request) {
  return counted(parse_responses_request(parse_body(request.body), limits()));
}

HttpReply Api::count_tokens(const HttpRequest& request) {
  return counted(parse_messages_request(parse_body(request.body), limits()));
}

/// The conversation in the chat format. Throws ApiError where the template refuses it.
Prompt Api::conversation(const GenerationRequest& parsed) const {
  try {
    Prompt prompt = service_.pair().chat_format().read(messages_before(parsed), parsed.tools,
                                                       parsed.template_kwargs);
    if (parsed.continues) go_on(service_.pair(), parsed.messages.back(), prompt);
    if (prompt.thinking) prompt.thinking->is_kept = parsed.keeps_thinking;
    return prompt;
  } catch (const InputError& e) {
    throw template_error(e, prompt_field(parsed));
  }
}

/// The same as text.
std::string Api::rendered(const GenerationRequest& parsed) const {
  try {
    std::string text = service_.pair().chat_format().render(messages_before(parsed), parsed.tools,
                                                            parsed.template_kwargs);
    if (parsed.continues) text += parsed.messages.back()["content"].get_ref<const std::string&>();
    return text;
  } catch (const InputError& e) {
    throw template_error(e, prompt_field(parsed));
  }
}

/// The conversation, or the prompts as they are, as tokens; throws ApiError where one is empty or
/// too long.
std::vector<Prompt> Api::prompts_of(const GenerationRequest& parsed) const {
  std::vector<Prompt> prompts;
  if (parsed.chat()) prompts.push_back(conversation(parsed));
  for (const TextOrTokens& prompt : parsed.prompts) {
    const auto* text = std::get_if<std::string>(&prompt);
    prompts.push_back(text != nullptr ? service_.pair().read({.text = *text, .raw = true})
                                      : Prompt{.tokens = std::get<std::vector<Token>>(prompt)});
  }
  for (const Prompt& prompt : prompts) {
    const std::string field = prompt_field(parsed);
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
    throw bad_field(parsed.grammar_field.empty() ? "grammar" : parsed.grammar_field, e.what());
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
  common.options.ignore_eog = parsed.ignore_eog;
  common.options.min_tokens = parsed.min_tokens;
  common.options.reuse_prefix = parsed.reuse_prefix;
  common.slot = parsed.slot;
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

/// The model as answers and the log name it.
std::string Api::shown_name(const GenerationRequest& parsed) const {
  if (!parsed.model.empty()) return parsed.model;
  if (!options_.name.empty()) return options_.name;
  return options_.aliases.empty() ? "citer" : options_.aliases.front();
}

ResponseFormat Api::format_of(const GenerationRequest& parsed, const Routing& routing,
                              const std::vector<Prompt>& prompts) const {
  ResponseFormat format{.api = parsed.api,
                        .logprobs = parsed.logprobs(),
                        .trace = parsed.trace,
                        .include_usage = parsed.include_usage,
                        .timings_per_token = parsed.timings_per_token,
                        .n = parsed.n,
                        .tools = callable_tools(parsed),
                        .thinking = parsed.chat() ? prompts.front().thinking : std::nullopt,
                        .model = shown_name(parsed),
                        .policy = routing.policy->name(),
                        .fingerprint = fingerprint_,
                        .promise_holds = metrics_.promise_holds(),
                        .told_back = parsed.told_back,
                        .llama_server = parsed.llama_server,
                        .context_size = service_.context_size()};
  if (parsed.echo) format.echoes = prompt_texts(parsed, prompts);
  if (parsed.verbose || parsed.api == ApiKind::kLlamaServer) {
    format.prompts = prompt_texts(parsed, prompts);
  }
  return format;
}

/// For each answer its prompt.
std::vector<std::string> Api::prompt_texts(const GenerationRequest& parsed,
                                           const std::vector<Prompt>& prompts) const {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto* given = parsed.chat() ? nullptr : std::get_if<std::string>(&parsed.prompts[i]);
    std::string text = given != nullptr ? *given : "";
    if (given == nullptr) {
      text = parsed.chat() ? rendered(parsed) : service_.pair().vocab().text(prompts[i].tokens);
    }
    texts.insert(texts.end(), static_cast<std::size_t>(parsed.n), text);
  }
  return texts;
}

HttpReply Api::generate(GenerationRequest parsed, const HttpRequest& request,
                        std::chrono::steady_clock::time_point arrival) {
  request.record->model = shown_name(parsed);
  request.record->streamed = parsed.stream;
  const Routing routing = choose_routing(service_.pair(), options_.defaults,
                                         known_preset_of(parsed.model), parsed.routing);
  prepare_tools(service_.pair(), parsed);
  const std::vector<Prompt> prompts = prompts_of(parsed);
  int prompt_tokens = 0;
  for (const Prompt& prompt : prompts) prompt_tokens += static_cast<int>(prompt.tokens.size());
  auto generation = std::make_shared<Generation>(
      service_, metrics_, requests_of(parsed, routing, prompts),
      make_writer(service_.pair().vocab(), format_of(parsed, routing, prompts), prompt_tokens),
      request.record, arrival, options_.time_limit);
  metrics_.prompt_tokens += prompt_tokens;
  request.record->prompt_tokens = prompt_tokens;
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

}  // namespace citer
