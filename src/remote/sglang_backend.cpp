// SGLang as the LLM's server: `POST /generate` with `input_ids` and `return_logprob` (SGLang's
// documentation, "SGLang Native APIs"). By its documented requests and answers: not run beside
// SGLang itself.
#include "citer/error.h"
#include "remote/writing_backend.h"

namespace citer {

namespace {

using nlohmann::json;

/// [[logprob, token, text or null], ...]
std::vector<TokenLogit> read_listed(const json& listed) {
  std::vector<TokenLogit> tokens;
  for (const json& entry : listed) {
    const float logprob = entry.at(0).is_null() ? 0.0F : entry.at(0).get<float>();
    tokens.push_back({entry.at(1).get<Token>(), logprob});
  }
  return tokens;
}

class Sglang final : public WritingServer {
 public:
  std::string path() const override { return "/generate"; }

  json request(const Question& question, std::span<const Token> prompt, int n) const override {
    return {{"input_ids", prompt},
            {"sampling_params", {{"max_new_tokens", n}, {"temperature", 0}, {"ignore_eos", true}}},
            {"return_logprob", true},
            {"logprob_start_len", prompt.size()},
            {"top_logprobs_num", question.likeliest}};
  }

  Written read(const json& answer) const override {
    const json& meta = answer.at("meta_info");
    Written written;
    for (const TokenLogit& token : read_listed(meta.at("output_token_logprobs"))) {
      written.tokens.push_back(token.id);
    }
    for (const json& listed : meta.at("output_top_logprobs")) {
      written.rows.push_back({.likeliest = read_listed(listed)});
    }
    return written;
  }
};

/// A text's tokens: it tells them with their log-probabilities.
std::vector<Token> tokens_of(PatientLink& link, const std::string& text, Deadline deadline) {
  std::vector<Token> tokens;
  const json request = {{"text", text},
                        {"sampling_params", {{"max_new_tokens", 1}, {"temperature", 0}}},
                        {"return_logprob", true},
                        {"logprob_start_len", 0}};
  link.post("/generate", request, deadline, [&](const json& answer) {
    tokens.clear();
    for (const TokenLogit& token : read_listed(answer.at("meta_info").at("input_token_logprobs"))) {
      tokens.push_back(token.id);
    }
  });
  return tokens;
}

}  // namespace

std::optional<BackendKind> recognise_sglang(PatientLink& link, const RemoteOptions& options,
                                            LinkCounters& counters, const Vocab& slm,
                                            Deadline deadline) {
  const LinkReply info = link.look("/get_model_info", deadline);
  const json told = json::parse(info.body, nullptr, false);
  if (info.status != 200 || !told.is_object() || !told.contains("model_path")) return std::nullopt;
  BackendKind kind{.name = "sglang", .facts = {}, .make = {}};
  kind.facts.model.description = told["model_path"].get<std::string>();
  kind.facts.n_vocab = slm.size();
  link.get("/get_server_info", deadline, [&](const json& server) {
    server.at("max_total_num_tokens").get_to(kind.facts.context_size);
    if (server.contains("context_length") && server["context_length"].is_number()) {
      server["context_length"].get_to(kind.facts.context_size);
    }
  });
  check_samples(options.url, slm, [&](const std::string& text, bool /*special*/) {
    std::vector<Token> tokens = tokens_of(link, text, deadline);
    // It puts what begins a prompt before it, where the tokenizer does.
    const bool begins =
        slm.adds_beginning() && tokens.size() > 1 && tokens.front() == slm.beginning();
    if (begins) tokens.erase(tokens.begin());
    return tokens;
  });
  kind.make = asks_to_write(options, counters, std::make_shared<const Sglang>());
  return kind;
}

}  // namespace citer
