#include "serve/openai_request.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "citer/error.h"
#include "grammar/json_schema.h"
#include "serve/api_error.h"

namespace citer {

namespace {

constexpr int kMostTokens = std::numeric_limits<int>::max();
constexpr int kMostChoices = 128;
constexpr std::size_t kMostPrompts = 2048;
constexpr std::size_t kMostStops = 64;
constexpr int kMostTopLogprobs = 20;
constexpr double kMostTemperature = 100;
constexpr double kLeastTopP = 1e-6;  // 0 keeps one token, as this does
constexpr double kBan = -100;        // OpenAI's word for "never"

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

std::string schema_grammar(const Json& schema, const std::string& path) {
  try {
    return json_schema_to_grammar(schema);
  } catch (const UsageError& e) {
    throw bad_field(path, e.what());
  }
}

/// The grammar that a response_format stands for.
std::string grammar_of(const Fields& response_format) {
  const auto type = response_format.string("type");
  if (!type) throw bad_field(response_format.path("type"), "missing");
  if (*type == "text") return "";
  const bool is_object = *type == "json_object";
  if (is_object && response_format.find("schema") == nullptr) return json_object_grammar();
  if (!is_object && *type != "json_schema") {
    throw bad_field(response_format.path("type"),
                    fmt::format("expected text, json_object or json_schema, found '{}'", *type));
  }
  // OpenAI nests the schema in `json_schema`; llama-server takes it beside `type`, too.
  const auto nested = is_object ? std::nullopt : response_format.object("json_schema");
  const Fields& holder = nested ? *nested : response_format;
  if (!nested && holder.find("schema") == nullptr) {
    throw bad_field(holder.path("json_schema"), "missing");
  }
  const Json* schema = holder.find("schema");
  if (schema == nullptr) throw bad_field(holder.path("schema"), "missing");
  return schema_grammar(*schema, holder.path("schema"));
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

std::vector<std::string> parse_stop(const Json& value) {
  std::vector<std::string> stops;
  const auto add = [&](const Json& stop) {
    if (!stop.is_string() || stop.get_ref<const std::string&>().empty()) {
      throw bad_field("stop", "expected a string or an array of strings, none of them empty");
    }
    stops.push_back(stop.get<std::string>());
  };
  if (!value.is_array()) {
    add(value);
    return stops;
  }
  if (value.size() > kMostStops) {
    throw bad_field("stop", fmt::format("more than {} strings", kMostStops));
  }
  std::for_each(value.begin(), value.end(), add);
  return stops;
}

/// `grammar`, `response_format` or `json_schema`; the server's own grammar where a request says
/// none of them.
void parse_grammar(const Fields& fields, GenerationRequest& request) {
  std::string& grammar = request.sampling.grammar;
  grammar = fields.string("grammar").value_or(grammar);
  const char* given = fields.find("grammar") != nullptr ? "grammar" : nullptr;
  const auto take = [&](const char* field, std::string other) {
    if (other.empty()) return;
    if (given != nullptr) {
      throw bad_field(given, "give one of grammar, response_format and json_schema");
    }
    given = field;
    grammar = std::move(other);
    request.grammar_field = field;
  };
  const auto format = fields.object("response_format");
  const Json* schema = fields.find("json_schema");
  if (format) take("response_format", grammar_of(*format));
  if (schema != nullptr) take("json_schema", schema_grammar(*schema, "json_schema"));
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
  set(fields.number("repeat_penalty", kLeastTopP, 100), sampling.repeat_penalty);
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
  parse_grammar(fields, request);
}

/// The fields that chat and plain completions share.
GenerationRequest parse_common(const Fields& fields, const RequestLimits& limits) {
  GenerationRequest request;
  request.model = fields.string("model").value_or("");
  parse_sampling(fields, limits, request);
  const auto old_name = fields.integer("max_tokens", -1, kMostTokens);
  const auto new_name = fields.integer("max_completion_tokens", -1, kMostTokens);
  request.max_tokens =
      static_cast<int>(new_name.value_or(old_name.value_or(limits.defaults.max_tokens)));
  if (fields.find("n_predict") != nullptr) {
    throw bad_field("n_predict", "is for llama-server's own routes; here it is max_tokens");
  }
  request.stop = limits.defaults.stop;
  if (const Json* stop = fields.find("stop")) request.stop = parse_stop(*stop);
  request.n = static_cast<int>(fields.integer("n", 1, kMostChoices).value_or(1));
  request.stream = fields.boolean("stream").value_or(false);
  if (const auto options = fields.object("stream_options")) {
    request.include_usage = options->boolean("include_usage").value_or(false);
    if (!request.stream) throw bad_field("stream_options", "needs stream to be true");
  }
  if (const auto citer = fields.object("citer")) {
    request.routing.policy = citer->string("policy");
    request.routing.threshold = citer->number("threshold", 0, 1);
    request.routing.budget = citer->number("budget", 0, 1);
    request.trace = citer->boolean("trace").value_or(false);
  }
  return request;
}

/// A message's text: a string, or an array of parts of type text.
std::string parse_content(const Json* content, const std::string& path) {
  if (content != nullptr && content->is_string()) return content->get<std::string>();
  if (content == nullptr || !content->is_array()) {
    throw bad_field(path, "expected a string or an array of text parts");
  }
  std::string text;
  for (std::size_t i = 0; i < content->size(); ++i) {
    const std::string place = fmt::format("{}[{}]", path, i);
    const Json& part = (*content)[i];
    if (!part.is_object()) throw bad_field(place, "expected an object, found " + type_text(part));
    const Fields fields(part, place);
    const std::string type = fields.string("type").value_or("text");
    if (type != "text") {
      throw bad_field(fields.path("type"), fmt::format("only text is supported, not '{}'", type));
    }
    const auto more = fields.string("text");
    if (!more) throw bad_field(fields.path("text"), "missing");
    text += *more;
  }
  return text;
}

/// A field that must be a string, not empty.
std::string needed_string(const Fields& fields, const char* name) {
  std::string value = fields.string(name).value_or("");
  if (value.empty()) throw bad_field(fields.path(name), "missing");
  return value;
}

/// Calls that the assistant made earlier, their arguments as JSON text.
Json parse_tool_calls(const Json& calls, const std::string& path) {
  if (!calls.is_array()) throw bad_field(path, "expected an array, found " + type_text(calls));
  Json parsed = Json::array();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", path, i);
    if (!calls[i].is_object()) {
      throw bad_field(place, "expected an object, found " + type_text(calls[i]));
    }
    const Fields call(calls[i], place);
    const auto function = call.object("function");
    if (!function) throw bad_field(call.path("function"), "missing");
    parsed.push_back({{"id", call.string("id").value_or("")},
                      {"type", "function"},
                      {"function",
                       {{"name", needed_string(*function, "name")},
                        {"arguments", function->string("arguments").value_or("{}")}}}});
  }
  return parsed;
}

/// A message with its content as text.
Json parse_message(const Json& message, const std::string& path) {
  if (!message.is_object())
    throw bad_field(path, "expected an object, found " + type_text(message));
  const Fields fields(message, path);
  std::string role = fields.string("role").value_or("");
  if (role == "developer") role = "system";  // OpenAI's newer name
  if (role != "system" && role != "user" && role != "assistant" && role != "tool") {
    throw bad_field(fields.path("role"),
                    fmt::format("expected system, user, assistant or tool, found '{}'", role));
  }
  const Json* calls = role == "assistant" ? fields.find("tool_calls") : nullptr;
  if (calls != nullptr && calls->is_array() && calls->empty()) calls = nullptr;
  const Json* content = fields.find("content");
  const bool only_calls = content == nullptr && calls != nullptr;
  Json parsed = {{"role", role},
                 {"content", only_calls ? "" : parse_content(content, fields.path("content"))}};
  if (calls != nullptr) parsed["tool_calls"] = parse_tool_calls(*calls, fields.path("tool_calls"));
  // Templates leave out what was thought before the last question, or not.
  const auto reasoning = fields.string("reasoning_content");
  if (reasoning && role == "assistant") parsed["reasoning_content"] = *reasoning;
  if (role != "tool") return parsed;
  parsed["tool_call_id"] = fields.string("tool_call_id").value_or("");
  if (const auto name = fields.string("name")) parsed["name"] = *name;
  return parsed;
}

void check_tool(const Json& tool, const std::string& path) {
  if (!tool.is_object()) throw bad_field(path, "expected an object, found " + type_text(tool));
  const Fields fields(tool, path);
  if (fields.string("type") != "function") {
    throw bad_field(fields.path("type"), "only tools of type function are supported");
  }
  const auto function = fields.object("function");
  if (!function) throw bad_field(fields.path("function"), "missing");
  needed_string(*function, "name");
  function->string("description");
  // `true` is the JSON schema that leaves everything open, as {} does.
  const Json* parameters = function->find("parameters");
  if (parameters == nullptr || *parameters != true) function->object("parameters");
}

/// `tool_choice`: "none", "auto", "required", or {"type": "function", "function": {"name": ...}}.
void parse_tool_choice(const Json& choice, GenerationRequest& request) {
  if (choice.is_object()) {
    const auto function = Fields(choice, "tool_choice").object("function");
    if (!function) throw bad_field("tool_choice.function", "missing");
    const std::string name = needed_string(*function, "name");
    const auto tool = std::find_if(request.tools.begin(), request.tools.end(),
                                   [&](const Json& t) { return t["function"]["name"] == name; });
    if (tool == request.tools.end()) {
      throw bad_field("tool_choice.function.name", fmt::format("'{}' is none of the tools", name));
    }
    request.must_call = Json::array({*tool});
  } else if (choice == "none") {
    request.tools = nullptr;
  } else if (choice == "required") {
    if (request.tools.empty()) throw bad_field("tool_choice", "there are no tools to call");
    request.must_call = request.tools;
  } else if (choice != "auto") {
    throw bad_field("tool_choice",
                    "expected none, auto, required or an object that names a function");
  }
}

void parse_tool_list(const Fields& fields, GenerationRequest& request) {
  const Json* tools = fields.find("tools");
  if (tools == nullptr) return;
  if (!tools->is_array()) {
    throw bad_field("tools", "expected an array, found " + type_text(*tools));
  }
  for (std::size_t i = 0; i < tools->size(); ++i) {
    check_tool((*tools)[i], fmt::format("tools[{}]", i));
  }
  if (tools->empty()) return;
  request.tools = *tools;
  for (Json& tool : request.tools) {
    Json& function = tool["function"];
    if (function.contains("parameters") && function["parameters"].is_null()) {
      function.erase("parameters");
    }
  }
}

/// The tools that may be called, and those of which one has to be.
void parse_tools(const Fields& fields, GenerationRequest& request) {
  const Json* functions = fields.find("functions");
  if (functions != nullptr && !functions->empty()) {
    throw bad_field("functions", "deprecated by OpenAI and not supported; use tools");
  }
  parse_tool_list(fields, request);
  if (const Json* choice = fields.find("tool_choice")) parse_tool_choice(*choice, request);
  if (!request.must_call.empty() && !request.sampling.grammar.empty()) {
    throw bad_field("tool_choice", "a call that must be made leaves no room for another format");
  }
}

/// What the template is told of thinking, and how long it may last.
void parse_thinking(const Fields& fields, const RequestLimits& limits, GenerationRequest& request) {
  Json& variables = request.template_kwargs;
  const Json* given = fields.find("chat_template_kwargs");
  if (given != nullptr && fields.object("chat_template_kwargs")) variables = *given;
  if (const auto thinks = fields.boolean("enable_thinking")) variables["enable_thinking"] = *thinks;
  if (const auto effort = fields.string("reasoning_effort")) {
    variables["reasoning_effort"] = *effort;
    if (*effort == "none") variables["enable_thinking"] = false;
  }
  const std::string format = fields.string("reasoning_format").value_or("auto");
  if (format != "auto" && format != "deepseek" && format != "none") {
    throw bad_field("reasoning_format",
                    fmt::format("expected auto, deepseek or none, found '{}'", format));
  }
  request.keeps_thinking = format == "none";
  request.reasoning_budget =
      static_cast<int>(fields.integer("thinking_budget_tokens", -1, kMostTokens)
                           .value_or(limits.defaults.reasoning_budget));
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

GenerationRequest parse_chat_request(const Json& body, const RequestLimits& limits) {
  const Fields fields(body);
  GenerationRequest request = parse_common(fields, limits);
  request.chat = true;
  parse_tools(fields, request);
  parse_thinking(fields, limits, request);
  const Json* messages = fields.find("messages");
  if (messages == nullptr || !messages->is_array() || messages->empty()) {
    throw bad_field("messages", "expected an array of messages, not empty");
  }
  request.messages = Json::array();
  for (std::size_t i = 0; i < messages->size(); ++i) {
    request.messages.push_back(parse_message((*messages)[i], fmt::format("messages[{}]", i)));
  }
  const auto top = fields.integer("top_logprobs", 0, kMostTopLogprobs);
  const bool logprobs = fields.boolean("logprobs").value_or(false);
  if (top.value_or(0) > 0 && !logprobs) {
    throw bad_field("top_logprobs", "needs logprobs to be true");
  }
  request.sampling.top_logprobs = logprobs ? static_cast<int>(top.value_or(0)) : -1;
  return request;
}

GenerationRequest parse_completion_request(const Json& body, const RequestLimits& limits) {
  const Fields fields(body);
  GenerationRequest request = parse_common(fields, limits);
  request.prompts = parse_prompts(fields.find("prompt"), limits.vocab_size);
  if (!fields.string("suffix").value_or("").empty()) {
    throw bad_field("suffix", "not supported");
  }
  request.echo = fields.boolean("echo").value_or(false);
  request.sampling.top_logprobs =
      static_cast<int>(fields.integer("logprobs", 0, kMostTopLogprobs).value_or(-1));
  if (request.echo && request.logprobs() && request.stream) {
    throw bad_field("stream", "logprobs of an echoed prompt cannot be streamed");
  }
  return request;
}

}  // namespace citer
