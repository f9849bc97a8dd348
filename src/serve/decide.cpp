#include "serve/decide.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "citer/row_stats.h"
#include "model/chat_format.h"
#include "model/fingerprint.h"
#include "model/vocab_facts.h"
#include "serve/api.h"
#include "serve/api_error.h"
#include "serve/request_fields.h"

namespace citer {

namespace {

constexpr int kMostSessions = 256;
constexpr std::int64_t kLargest = 1 << 24;
constexpr std::size_t kMostPositions = 512;
constexpr int kMostAhead = 32;
constexpr double kMostPenalty = 1e6;
constexpr int kNotImplemented = 501;

/// 16 hexadecimal digits: numbers of 64 bits are not safe in JSON.
std::uint64_t hex_field(const Fields& fields, const char* name) {
  const std::string text = fields.needed_string(name);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw bad_field(fields.path(name),
                    fmt::format("expected hexadecimal digits, found '{}'", text));
  }
  return value;
}

std::vector<std::pair<Token, float>> parse_bias(const Fields& fields, int n_vocab) {
  std::vector<std::pair<Token, float>> bias;
  for (const auto& [pair, path] : fields.list("logit_bias")) {
    const bool is_pair = pair->is_array() && pair->size() == 2 && (*pair)[0].is_number_integer() &&
                         ((*pair)[1].is_number() || (*pair)[1].is_null());
    const auto token = is_pair ? (*pair)[0].get<std::int64_t>() : -1;
    if (token < 0 || token >= n_vocab) {
      throw bad_field(path, "expected a token and a number, or null for one that is banned");
    }
    const float value = (*pair)[1].is_null() ? -INFINITY : (*pair)[1].get<float>();
    bias.emplace_back(static_cast<Token>(token), value);
  }
  return bias;
}

SamplingOptions parse_draws(const Fields& fields, int n_vocab) {
  SamplingOptions sampling;
  const auto set = [&](const char* name, double least, double most, double& to) {
    to = fields.number(name, least, most).value_or(to);
  };
  set("temperature", 0, kMostPenalty, sampling.temperature);
  set("top_p", 0, 1, sampling.top_p);
  set("min_p", 0, 1, sampling.min_p);
  set("repeat_penalty", 0, kMostPenalty, sampling.repeat_penalty);
  set("frequency_penalty", -kMostPenalty, kMostPenalty, sampling.frequency_penalty);
  set("presence_penalty", -kMostPenalty, kMostPenalty, sampling.presence_penalty);
  const auto integer = [&](const char* name, int& to) {
    to = static_cast<int>(fields.integer(name, 0, kLargest).value_or(to));
  };
  integer("top_k", sampling.top_k);
  integer("repeat_last_n", sampling.repeat_last_n);
  sampling.seed = hex_field(fields, "seed");
  sampling.logit_bias = parse_bias(fields, n_vocab);
  check_sampling_options(sampling);
  return sampling;
}

std::vector<int> parse_positions(const Fields& fields, std::size_t tokens) {
  std::vector<int> positions;
  for (const auto& [value, path] : fields.list("positions")) {
    const int least = positions.empty() ? 1 : positions.back() + 1;
    const auto position = value->is_number_integer() ? value->get<std::int64_t>() : -1;
    if (position < least || position > static_cast<std::int64_t>(tokens)) {
      throw bad_field(path, fmt::format("expected a position from {} to {}, rising, found {}",
                                        least, tokens, value->dump()));
    }
    positions.push_back(static_cast<int>(position));
  }
  if (positions.size() > kMostPositions) {
    throw bad_field(fields.path("positions"), fmt::format("more than {}", kMostPositions));
  }
  return positions;
}

SessionStep parse_step(const Fields& fields, int n_vocab) {
  SessionStep step;
  step.session = fields.needed_string("session");
  step.keep = static_cast<std::size_t>(fields.integer("keep", 0, kLargest).value_or(0));
  const Json* append = fields.find("append");
  if (append != nullptr && !append->empty()) {
    step.append = parse_token_ids(append, fields.path("append"), n_vocab);
  }
  const std::size_t tokens = step.keep + step.append.size();
  if (tokens == 0) throw bad_field(fields.path("append"), "a session without tokens");
  step.digest = hex_field(fields, "digest");
  step.positions = parse_positions(fields, tokens);
  const auto most = static_cast<std::int64_t>(kLikeliest);
  step.top = static_cast<int>(fields.integer("top", 0, most).value_or(0));
  if (const auto sampling = fields.object("sampling")) {
    step.sampling = parse_draws(*sampling, n_vocab);
    step.stream = hex_field(*sampling, "stream");
    sampling->refuse_others();
  }
  step.ahead = static_cast<int>(fields.integer("ahead", 0, kMostAhead).value_or(0));
  fields.refuse_others();
  return step;
}

const char* code_of(SessionAnswer::Fault fault) {
  switch (fault) {
    case SessionAnswer::Fault::kGone:
      return "session_gone";
    case SessionAnswer::Fault::kDiffers:
      return "session_differs";
    case SessionAnswer::Fault::kTooLong:
      return "context_length_exceeded";
    default:
      return "pass_failed";
  }
}

Json decision_json(const SessionDecision& decision) {
  Json json = {{"position", decision.position}};
  if (decision.token) {
    json["token"] = *decision.token;
    json["logprob"] = decision.logprob;
  }
  if (!decision.top.empty()) {
    json["top"] = Json::array();
    for (const auto& [token, logprob] : decision.top) json["top"].push_back({token, logprob});
  }
  return json;
}

}  // namespace

std::vector<SessionStep> parse_decide(const Json& body, int n_vocab) {
  const Fields fields(body);
  const auto protocol = fields.integer("protocol", 0, kLargest);
  if (protocol != kDecideProtocol) {
    throw bad_field("protocol", fmt::format("expected {}, found {}", kDecideProtocol,
                                            protocol ? fmt::to_string(*protocol) : "none"));
  }
  std::vector<SessionStep> steps;
  for (const auto& [element, path] : fields.list("sessions")) {
    steps.push_back(parse_step(element_fields(*element, path), n_vocab));
    const auto same = [&](const SessionStep& s) { return s.session == steps.back().session; };
    if (std::count_if(steps.begin(), steps.end(), same) > 1) {
      throw bad_field(path, "the session is asked twice");
    }
  }
  if (steps.empty() || steps.size() > kMostSessions) {
    throw bad_field("sessions",
                    fmt::format("expected 1 to {}, found {}", kMostSessions, steps.size()));
  }
  fields.refuse_others();
  return steps;
}

Json decide_json(const std::vector<SessionStep>& steps, const std::vector<SessionAnswer>& answers) {
  Json sessions = Json::array();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    Json session = {{"session", steps[i].session}};
    if (answers[i].fault == SessionAnswer::Fault::kNone) {
      session["decisions"] = Json::array();
      for (const SessionDecision& decision : answers[i].decisions) {
        session["decisions"].push_back(decision_json(decision));
      }
      session["seconds"] = answers[i].seconds;
    } else {
      session["error"] = {{"code", code_of(answers[i].fault)}, {"message", answers[i].error}};
    }
    sessions.push_back(std::move(session));
  }
  return {{"protocol", kDecideProtocol}, {"sessions", std::move(sessions)}};
}

void Api::check_sessions() const {
  if (service_.status().sessions_of_clients.capacity > 0) return;
  throw ApiError(kNotImplemented, "this server holds no sessions of clients: give it some",
                 "no_sessions");
}

HttpReply Api::decide(const HttpRequest& request) {
  check_sessions();
  const std::vector<SessionStep> steps =
      parse_decide(parse_body(request.body), service_.pair().vocab().size());
  return json_reply(decide_json(steps, service_.decide(steps, request.check)));
}

/// What a client has to know before it asks.
HttpReply Api::decide_info(const HttpRequest& /*request*/) {
  check_sessions();
  const Pair& pair = service_.pair();
  const ModelFacts llm = service_.llm_facts();
  return json_reply(
      {{"protocol", kDecideProtocol},
       {"server", "citer"},
       {"version", options_.version},
       {"model",
        {{"description", llm.description}, {"parameters", llm.parameters}, {"bytes", llm.bytes}}},
       {"context_size", service_.context_size()},
       {"sessions", service_.status().sessions_of_clients.capacity},
       {"vocabulary",
        {{"size", pair.vocab().size()},
         {"fingerprint", fingerprint_text(facts_of(pair.vocab()).fingerprint())}}},
       {"chat_template", template_json(pair)}});
}

/// For clients whose vocabulary has another fingerprint: what differs may not matter.
HttpReply Api::vocabulary(const HttpRequest& /*request*/) {
  const VocabFacts facts = facts_of(service_.pair().vocab());
  return json_reply({{"type", facts.type},
                     {"spellings", facts.spellings},
                     {"attributes", facts.attributes},
                     {"ends", facts.ends},
                     {"end", facts.end},
                     {"beginning", facts.beginning},
                     {"adds_beginning", facts.adds_beginning},
                     {"samples", facts.samples}});
}

}  // namespace citer
