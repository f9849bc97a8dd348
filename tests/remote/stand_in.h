#pragma once

// Answers as vLLM and SGLang do by their documentation, from the bundled LLM.

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/token_hash.h"
#include "engine/sessions.h"
#include "model/vocab.h"
#include "remote/loopback_server.h"
#include "serve/json_fields.h"

namespace citer::test {

class StandIn {
 public:
  enum class Kind { kVllm, kSglang };

  /// The service must hold sessions.
  StandIn(Kind kind, Service& service) : service_(service) {
    kind == Kind::kVllm ? add_vllm() : add_sglang();
    server_.start();
  }

  std::string url() const { return server_.url() + "/v1"; }

 private:
  using Reply = std::function<Json(const Json& request)>;

  void post(const char* path, const Reply& reply) {
    server_.routes().Post(
        path, [reply](const httplib::Request& request, httplib::Response& response) {
          response.set_content(reply(Json::parse(request.body)).dump(), "application/json");
        });
  }
  void get(const char* path, const Json& reply) {
    server_.routes().Get(path, [reply](const httplib::Request&, httplib::Response& response) {
      response.set_content(reply.dump(), "application/json");
    });
  }

  /// Greedy tokens behind a prompt, with the likeliest at each place.
  std::vector<SessionDecision> write(const std::vector<Token>& prompt, int n, int top) {
    // Prompts that begin alike share a session, and so what is cached.
    const std::span<const Token> begin(prompt.data(), std::min<std::size_t>(prompt.size(), 24));
    SessionStep step{.session = fmt::format("stand-in {}", hash_tokens(begin))};
    step.append = prompt;
    step.digest = hash_tokens(prompt);
    step.positions = {static_cast<int>(prompt.size())};
    step.top = top;
    step.sampling.emplace();
    step.ahead = n - 1;
    return service_.decide({step}, [] {}).front().decisions;
  }

  std::vector<Token> tokens_of(const std::string& text) const {
    return service_.pair().vocab().tokenize(text, false, true);
  }

  void add_vllm() {
    get("/v1/models", {{"object", "list"},
                       {"data",
                        {{{"id", "the-llm"},
                          {"object", "model"},
                          {"owned_by", "vllm"},
                          {"max_model_len", service_.context_size()}}}}});
    post("/tokenize", [this](const Json& request) -> Json {
      const auto tokens = tokens_of(request.at("prompt"));
      return {{"tokens", tokens}, {"count", tokens.size()}};
    });
    post("/v1/completions", [this](const Json& request) -> Json {
      const auto spelled = [](Token token) { return fmt::format("token_id:{}", token); };
      Json tokens = Json::array();
      Json tops = Json::array();
      for (const SessionDecision& decision :
           write(request.at("prompt"), request.at("max_tokens"), request.at("logprobs"))) {
        tokens.push_back(spelled(*decision.token));
        Json top = Json::object();
        for (const auto& [token, logprob] : decision.top) top[spelled(token)] = logprob;
        tops.push_back(std::move(top));
      }
      return {{"object", "text_completion"},
              {"model", request.at("model")},
              {"choices",
               {{{"index", 0},
                 {"text", ""},
                 {"logprobs", {{"tokens", tokens}, {"top_logprobs", tops}}},
                 {"finish_reason", "length"}}}}};
    });
  }

  void add_sglang() {
    get("/get_model_info", {{"model_path", "the-llm"}, {"is_generation", true}});
    get("/get_server_info",
        {{"max_total_num_tokens", 100000}, {"context_length", service_.context_size()}});
    post("/generate", [this](const Json& request) -> Json {
      Json meta = Json::object();
      if (request.contains("text")) {
        for (const Token token : tokens_of(request["text"])) {
          meta["input_token_logprobs"].push_back({nullptr, token, nullptr});
        }
        return {{"text", ""}, {"meta_info", meta}};
      }
      meta["output_token_logprobs"] = Json::array();
      meta["output_top_logprobs"] = Json::array();
      for (const SessionDecision& decision :
           write(request.at("input_ids"), request["sampling_params"].at("max_new_tokens"),
                 request.at("top_logprobs_num"))) {
        meta["output_token_logprobs"].push_back({decision.logprob, *decision.token, nullptr});
        Json top = Json::array();
        for (const auto& [token, logprob] : decision.top) top.push_back({logprob, token, nullptr});
        meta["output_top_logprobs"].push_back(std::move(top));
      }
      return {{"text", ""}, {"meta_info", meta}};
    });
  }

  Service& service_;
  LoopbackServer server_;  ///< ends before what its routes use
};

}  // namespace citer::test
