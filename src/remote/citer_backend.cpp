// Another citer as the LLM's server: `POST /v1/citer/decide` (docs/deployment.md).
#include <algorithm>
#include <cmath>
#include <random>

#include <fmt/format.h>

#include "base/token_hash.h"
#include "citer/error.h"
#include "model/fingerprint.h"
#include "model/vocab_match.h"
#include "remote/backend.h"

namespace citer {

namespace {

using nlohmann::json;

constexpr int kProtocol = 1;
constexpr int kNotFound = 404;
constexpr const char* kDecide = "/v1/citer/decide";

/// A name that no other client has.
std::string new_session() {
  std::random_device random;
  const auto half = [&] { return (std::uint64_t{random()} << 32) | random(); };
  return fingerprint_text(half()) + fingerprint_text(half());
}

json sampling_json(const Draw& draw) {
  const SamplingOptions& s = *draw.sampling;
  json bias = json::array();
  for (const auto& [token, value] : s.logit_bias) {
    bias.push_back({token, std::isinf(value) ? json() : json(value)});
  }
  return {{"temperature", s.temperature},
          {"top_k", s.top_k},
          {"top_p", s.top_p},
          {"min_p", s.min_p},
          {"repeat_penalty", s.repeat_penalty},
          {"repeat_last_n", s.repeat_last_n},
          {"frequency_penalty", s.frequency_penalty},
          {"presence_penalty", s.presence_penalty},
          {"logit_bias", std::move(bias)},
          {"seed", fingerprint_text(s.seed)},
          {"stream", fingerprint_text(draw.stream)}};
}

/// One decision of a reply. Throws nlohmann's exceptions for what is none.
RemoteRow read_row(const json& decision) {
  RemoteRow row{.position = decision.at("position").get<int>(), .likeliest = {}};
  if (decision.contains("top")) {
    for (const json& listed : decision["top"]) {
      row.likeliest.push_back({listed.at(0).get<Token>(), listed.at(1).get<float>()});
    }
  }
  if (!decision.contains("token")) return row;
  row.drawn = decision["token"].get<Token>();
  const bool is_listed = std::any_of(row.likeliest.begin(), row.likeliest.end(),
                                     [&](const TokenLogit& t) { return t.id == *row.drawn; });
  if (!is_listed) row.likeliest.push_back({*row.drawn, decision.at("logprob").get<float>()});
  return row;
}

class CiterBackend final : public Backend {
 public:
  CiterBackend(const RemoteOptions& options, LinkCounters& counters, int sequences)
      : link_(options, counters), sessions_(static_cast<std::size_t>(sequences)) {}

  std::vector<Reply> ask(std::span<const Question> questions, Deadline deadline) override {
    std::vector<Reply> replies(questions.size());
    std::vector<std::size_t> left(questions.size());
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = i;
    try {
      // Sessions that the server has lost are sent again, whole, and then they are there.
      for (int tries = 0; !left.empty() && tries < kTries; ++tries) {
        left = ask_some(questions, left, deadline, replies);
      }
      for (const std::size_t i : left) replies[i].fault = lost_;
    } catch (const LinkFault& e) {
      for (const std::size_t i : left) {
        replies[i].fault = e.what();
        forget(questions[i].sequence);
      }
    }
    return replies;
  }

  void forget(int sequence) override { sessions_[static_cast<std::size_t>(sequence)] = {}; }

 private:
  static constexpr int kTries = 3;

  struct Session {
    std::string name;
    std::vector<Token> held;  ///< by the server
  };

  json step(const Question& question) {
    Session& session = sessions_[static_cast<std::size_t>(question.sequence)];
    if (session.name.empty()) session.name = new_session();
    const auto ends = std::mismatch(session.held.begin(), session.held.end(),
                                    question.tokens.begin(), question.tokens.end());
    const auto keep = static_cast<std::size_t>(ends.second - question.tokens.begin());
    json step = {{"session", session.name},
                 {"keep", keep},
                 {"append", question.tokens.subspan(keep)},
                 {"digest", fingerprint_text(hash_tokens(question.tokens))},
                 {"positions", question.positions}};
    if (question.likeliest > 0) step["top"] = question.likeliest;
    if (question.ahead > 0) step["ahead"] = question.ahead;
    if (question.draw.sampling != nullptr) step["sampling"] = sampling_json(question.draw);
    return step;
  }

  /// One trip; which questions are still open since the server had lost their sessions.
  std::vector<std::size_t> ask_some(std::span<const Question> questions,
                                    const std::vector<std::size_t>& which, Deadline deadline,
                                    std::vector<Reply>& replies) {
    json request = {{"protocol", kProtocol}, {"sessions", json::array()}};
    for (const std::size_t i : which) request["sessions"].push_back(step(questions[i]));
    std::vector<std::size_t> lost;
    link_.post(kDecide, request, deadline, [&](const json& answer) {
      lost.clear();
      const json& sessions = answer.at("sessions");
      if (sessions.size() != which.size()) throw LinkFault("it answers for other sessions");
      for (std::size_t k = 0; k < which.size(); ++k) {
        const std::size_t i = which[k];
        Reply reply{.llm_seconds = sessions[k].value("seconds", 0.0)};
        if (!take(sessions[k], questions[i], reply)) lost.push_back(i);
        replies[i] = std::move(reply);
      }
    });
    return lost;
  }

  /// False where the server has lost the session.
  bool take(const json& answer, const Question& question, Reply& reply) {
    Session& session = sessions_[static_cast<std::size_t>(question.sequence)];
    if (answer.at("session").get<std::string>() != session.name) {
      throw LinkFault("it answers for another session");
    }
    if (answer.contains("error")) {
      const auto code = answer["error"].at("code").get<std::string>();
      lost_ = fmt::format("{}: {}", link_.url(), answer["error"].at("message").get<std::string>());
      session.held.clear();
      if (code == "session_gone" || code == "session_differs") return false;
      reply.fault = lost_;
      return true;
    }
    reply.line.assign(question.tokens.begin(), question.tokens.end());
    for (const json& decision : answer.at("decisions")) {
      RemoteRow row = read_row(decision);
      const auto position = static_cast<std::size_t>(row.position);
      if (position > reply.line.size()) {
        // Written on: the draw before stands there.
        if (position != reply.line.size() + 1 || reply.rows.empty() || !reply.rows.back().drawn) {
          throw LinkFault("it decides behind tokens that it did not write");
        }
        reply.line.push_back(*reply.rows.back().drawn);
      }
      reply.rows.push_back(std::move(row));
    }
    session.held = reply.line;
    return true;
  }

  PatientLink link_;
  std::vector<Session> sessions_;
  std::string lost_;  ///< what the server last said of a session that it has not
};

VocabFacts read_vocabulary(const json& answer) {
  VocabFacts facts;
  answer.at("type").get_to(facts.type);
  answer.at("spellings").get_to(facts.spellings);
  answer.at("attributes").get_to(facts.attributes);
  answer.at("ends").get_to(facts.ends);
  answer.at("end").get_to(facts.end);
  answer.at("beginning").get_to(facts.beginning);
  answer.at("adds_beginning").get_to(facts.adds_beginning);
  answer.at("samples").get_to(facts.samples);
  if (facts.attributes.size() != facts.spellings.size() ||
      facts.samples.size() != vocab_samples().size()) {
    throw LinkFault("no sound vocabulary");
  }
  return facts;
}

/// Throws InputError where the vocabularies differ in what matters; says what else differs.
std::string check_vocabulary(PatientLink& link, const std::string& fingerprint, const Vocab& slm,
                             Deadline deadline) {
  const VocabFacts ours = facts_of(slm);
  if (fingerprint_text(ours.fingerprint()) == fingerprint) return "";
  VocabFacts theirs;
  link.get("/v1/citer/vocabulary", deadline,
           [&](const json& answer) { theirs = read_vocabulary(answer); });
  const VocabMatch match = match_vocab_facts(ours, theirs);
  if (!match.is_pair()) {
    throw InputError(
        fmt::format("{}: its vocabulary is not the SLM's: {}", link.url(), match.text()));
  }
  if (match.harmless.empty()) return "";
  return "the models' vocabularies differ where it does not matter: " + match.harmless;
}

/// What some servers give for any path.
bool is_other_page(const LinkReply& reply) {
  const json told = json::parse(reply.body, nullptr, false);
  return reply.status == 200 && !(told.is_object() && told.contains("protocol"));
}

}  // namespace

std::optional<BackendKind> recognise_citer(PatientLink& link, const RemoteOptions& options,
                                           LinkCounters& counters, const Vocab& slm,
                                           Deadline deadline) {
  constexpr const char* kInfo = "/v1/citer/llm";
  const LinkReply look = link.look(kInfo, deadline);
  if (look.status == kNotFound || is_other_page(look)) return std::nullopt;
  BackendKind kind{.name = "citer", .facts = {.draws = true}, .make = {}};
  LlmServerFacts& facts = kind.facts;
  std::string fingerprint;
  int protocol = 0;
  link.get(kInfo, deadline, [&](const json& info) {
    info.at("protocol").get_to(protocol);
    info.at("context_size").get_to(facts.context_size);
    info.at("vocabulary").at("size").get_to(facts.n_vocab);
    info.at("vocabulary").at("fingerprint").get_to(fingerprint);
    info.at("model").at("description").get_to(facts.model.description);
    info.at("model").at("parameters").get_to(facts.model.parameters);
    info.at("model").at("bytes").get_to(facts.model.bytes);
    if (!info.at("chat_template").is_null()) info["chat_template"].get_to(facts.chat_template);
  });
  if (protocol != kProtocol) {
    throw InputError(fmt::format("{}: it speaks version {} of the protocol, expected {}",
                                 options.url, protocol, kProtocol));
  }
  facts.note = check_vocabulary(link, fingerprint, slm, deadline);
  kind.make = [options, &counters](int sequences) {
    return std::make_unique<CiterBackend>(options, counters, sequences);
  };
  return kind;
}

}  // namespace citer
