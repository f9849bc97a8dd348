// vLLM as the LLM's server: `POST /v1/completions` with token ids (vLLM's documentation, "OpenAI-
// Compatible Server"). By its documented requests and answers: not run beside vLLM itself.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "citer/error.h"
#include "remote/writing_backend.h"

namespace citer {

namespace {

using nlohmann::json;

/// Likeliest tokens that it lists without `--max-logprobs`.
constexpr std::size_t kMostListed = 20;

/// A token as it spells it where it is asked for ids: "token_id:123".
Token token_of(const std::string& text) {
  constexpr std::string_view kMark = "token_id:";
  Token token = 0;
  const char* end = text.data() + text.size();
  const bool is_marked = text.starts_with(kMark);
  const auto [at, error] =
      std::from_chars(text.data() + (is_marked ? kMark.size() : 0), end, token);
  if (!is_marked || error != std::errc{} || at != end) {
    throw LinkFault(fmt::format("expected a token's id, found '{}'", text));
  }
  return token;
}

class Vllm final : public WritingServer {
 public:
  explicit Vllm(std::string model) : model_(std::move(model)) {}

  std::string path() const override { return "/v1/completions"; }

  json request(const Question& question, std::span<const Token> prompt, int n) const override {
    return {{"model", model_},
            {"prompt", prompt},
            {"max_tokens", n},
            {"temperature", 0},
            {"ignore_eos", true},
            {"logprobs", std::min(question.likeliest, kMostListed)},
            {"return_tokens_as_token_ids", true}};
  }

  Written read(const json& answer) const override {
    const json& logprobs = answer.at("choices").at(0).at("logprobs");
    Written written;
    for (const json& token : logprobs.at("tokens")) {
      written.tokens.push_back(token_of(token.get<std::string>()));
    }
    for (const json& listed : logprobs.at("top_logprobs")) {
      RemoteRow& row = written.rows.emplace_back();
      for (const auto& [token, logprob] : listed.items()) {
        row.likeliest.push_back({token_of(token), logprob.get<float>()});
      }
      std::sort(row.likeliest.begin(), row.likeliest.end(),
                [](const TokenLogit& a, const TokenLogit& b) {
                  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
                });
    }
    return written;
  }

 private:
  std::string model_;
};

}  // namespace

std::optional<BackendKind> recognise_vllm(PatientLink& link, const RemoteOptions& options,
                                          LinkCounters& counters, const Vocab& slm,
                                          Deadline deadline) {
  const std::optional<json> model = listed_model(link, options, deadline);
  if (!model || model->value("owned_by", json()) != "vllm") return std::nullopt;
  BackendKind kind{.name = "vllm", .facts = {}, .make = {}};
  const auto name = model->at("id").get<std::string>();
  kind.facts.model.description = name;
  kind.facts.context_size = model->at("max_model_len").get<int>();
  kind.facts.n_vocab = slm.size();
  kind.facts.likeliest = static_cast<int>(kMostListed);
  check_samples(options.url, slm, [&](const std::string& text, bool /*special*/) {
    std::vector<Token> tokens;
    link.post("/tokenize", {{"model", name}, {"prompt", text}, {"add_special_tokens", false}},
              deadline, [&](const json& answer) { answer.at("tokens").get_to(tokens); });
    return tokens;
  });
  kind.make = asks_to_write(options, counters, std::make_shared<const Vllm>(name));
  return kind;
}

}  // namespace citer
