// llama-server as the LLM's server: `POST /completion` with token ids, a cached prompt and a slot
// of its own for each sequence (llama.cpp, tools/server/README.md).
#include <algorithm>

#include "citer/error.h"
#include "remote/writing_backend.h"

namespace citer {

namespace {

using nlohmann::json;

class LlamaServer final : public WritingServer {
 public:
  explicit LlamaServer(int slots) : slots_(slots) {}

  std::string path() const override { return "/completion"; }

  json request(const Question& question, std::span<const Token> prompt, int n) const override {
    return {{"prompt", prompt},
            {"n_predict", n},
            {"n_probs", question.likeliest},
            {"temperature", 0},
            {"top_k", 1},
            {"repeat_penalty", 1},
            {"cache_prompt", true},
            {"return_tokens", true},
            {"id_slot", question.sequence % slots_}};
  }

  Written read(const json& answer) const override {
    Written written;
    answer.at("tokens").get_to(written.tokens);
    for (const json& entry : answer.at("completion_probabilities")) {
      RemoteRow& row = written.rows.emplace_back();
      for (const json& listed : entry.at("top_logprobs")) {
        row.likeliest.push_back({listed.at("id").get<Token>(), listed.at("logprob").get<float>()});
      }
    }
    constexpr double kMilli = 1e-3;
    const json& times = answer.at("timings");
    written.llm_seconds =
        kMilli * (times.value("prompt_ms", 0.0) + times.value("predicted_ms", 0.0));
    return written;
  }

 private:
  int slots_;
};

}  // namespace

std::optional<BackendKind> recognise_llama_server(PatientLink& link, const RemoteOptions& options,
                                                  LinkCounters& counters, const Vocab& slm,
                                                  Deadline deadline) {
  const LinkReply props = link.look("/props", deadline);
  const json told = json::parse(props.body, nullptr, false);
  const bool is_known = props.status == 200 && told.is_object() && told.contains("build_info") &&
                        told.contains("total_slots");
  if (!is_known) return std::nullopt;
  BackendKind kind{.name = "llama-server", .facts = {}, .make = {}};
  LlmServerFacts& facts = kind.facts;
  facts.chat_template = told.value("chat_template", "");
  facts.context_size = told.at("default_generation_settings").value("n_ctx", 0);
  link.get("/v1/models", deadline, [&](const json& models) {
    const json& model = models.at("data").at(0);
    const json& meta = model.at("meta");
    facts.model.description = model.value("id", "");
    meta.at("n_vocab").get_to(facts.n_vocab);
    meta.at("n_params").get_to(facts.model.parameters);
    meta.at("size").get_to(facts.model.bytes);
  });
  check_samples(options.url, slm, [&](const std::string& text, bool special) {
    std::vector<Token> tokens;
    link.post("/tokenize", {{"content", text}, {"add_special", false}, {"parse_special", special}},
              deadline, [&](const json& answer) { answer.at("tokens").get_to(tokens); });
    return tokens;
  });
  kind.make = asks_to_write(options, counters,
                            std::make_shared<const LlamaServer>(told["total_slots"].get<int>()));
  return kind;
}

}  // namespace citer
