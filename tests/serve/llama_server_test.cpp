// llama-server's own API.
#include "serve/server.h"

namespace citer {
namespace {

using test::error_of;
using test::kQuestion;

class LlamaServerTest : public test::ServerTest {
 protected:
  Json complete(const Json& more = Json::object()) const {
    Json body = {{"prompt", kQuestion}, {"n_predict", 60}, {"model", "llm"}};
    body.update(more);
    return answer("/completion", body);
  }
};

TEST_F(LlamaServerTest, WritesWhatOpenAisApiWrites) {
  start();
  const Json whole = complete({{"return_tokens", true}, {"cache_prompt", false}});
  const Json same =
      answer("/v1/completions", {{"prompt", kQuestion}, {"max_tokens", 60}, {"model", "llm"}});
  EXPECT_EQ(whole["content"], same["choices"][0]["text"]);
  EXPECT_EQ(whole["tokens_evaluated"], same["usage"]["prompt_tokens"]);
  EXPECT_EQ(whole["tokens_predicted"], same["usage"]["completion_tokens"]);
  EXPECT_EQ(whole["stop_type"], "eos");
  EXPECT_EQ(whole["has_new_line"], false);
  EXPECT_EQ(whole["generation_settings"]["n_predict"], 60);
  EXPECT_EQ(whole["timings"]["prompt_n"], whole["tokens_evaluated"]);
  EXPECT_EQ(whole["timings"]["predicted_n"], whole["tokens_predicted"]);
  EXPECT_EQ(answer("/detokenize", {{"tokens", whole["tokens"]}})["content"], whole["content"]);
}

TEST_F(LlamaServerTest, SaysHowAnAnswerEnded) {
  start();
  const Json cut = complete({{"n_predict", 3}});
  EXPECT_EQ(cut["stop_type"], "limit");
  EXPECT_EQ(cut["truncated"], false);
  const Json full = complete({{"n_predict", -1}, {"ignore_eos", true}});
  EXPECT_EQ(full["stop_type"], "limit");
  EXPECT_EQ(full["truncated"], true) << "the context is full";
  const std::string content = complete()["content"];
  const std::string word = content.substr(content.find(' ', 5), 4);
  const Json stopped = complete({{"stop", {"no such text", word}}});
  EXPECT_EQ(stopped["stop_type"], "word");
  EXPECT_EQ(stopped["stopping_word"], word);
  EXPECT_EQ(stopped["content"], content.substr(0, content.find(word)));
}

TEST_F(LlamaServerTest, AStreamIsATokenAnEvent) {
  start();
  const Json body = {{"prompt", kQuestion},
                     {"model", "llm"},
                     {"n_predict", 60},
                     {"n_probs", 2},
                     {"timings_per_token", true}};
  const std::vector<std::string> all = events("/completion", body);
  std::string content;
  Json tokens = Json::array();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Json event = Json::parse(all[i]);
    content += event["content"];
    EXPECT_EQ(event["stop"], i + 1 == all.size());
    if (event["stop"]) break;
    ASSERT_EQ(event["tokens"].size(), 1U);
    tokens.push_back(event["tokens"][0]);
    ASSERT_EQ(event["completion_probabilities"].size(), 1U);
    EXPECT_EQ(event["completion_probabilities"][0]["id"], tokens.back());
    EXPECT_EQ(event["completion_probabilities"][0]["top_logprobs"].size(), 2U);
    EXPECT_EQ(event["timings"]["predicted_n"], i + 1);
  }
  Json unstreamed = body;
  unstreamed["return_tokens"] = true;
  const Json whole = answer("/completion", unstreamed);
  EXPECT_EQ(content, whole["content"]);
  EXPECT_EQ(tokens, whole["tokens"]);
}

TEST_F(LlamaServerTest, FieldsThatAreAskedForAlone) {
  start();
  const Json some = complete(
      {{"response_fields", {"content", "generation_settings/n_predict", "prompt", "no/such"}}});
  EXPECT_EQ(some.size(), 3U);
  EXPECT_EQ(some["generation_settings/n_predict"], 60);
  EXPECT_EQ(some["prompt"], kQuestion);
}

TEST_F(LlamaServerTest, SeveralPromptsAndPromptsOfParts) {
  start();
  const Json tokens =
      answer("/tokenize", {{"content", kQuestion}, {"add_special", true}})["tokens"];
  const Json both = complete({{"prompt", {tokens, kQuestion}}});
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0]["content"], both[1]["content"]);
  EXPECT_EQ(both[1]["index"], 1);
  const Json object = {{"prompt_string", kQuestion}};
  EXPECT_EQ(complete({{"prompt", {tokens, object}}})[1]["content"], both[0]["content"]);
  const Json picture = {{"prompt_string", kQuestion}, {"multimodal_data", {"iVBO"}}};
  const auto refused = post("/completion", {{"prompt", {tokens, picture}}});
  EXPECT_EQ(error_of(refused, 400)["param"], "prompt[1].multimodal_data");
  const Json mixed = complete({{"prompt", {tokens[0], tokens[1], " and then "}}});
  EXPECT_GT(mixed["tokens_evaluated"], 3);
}

TEST_F(LlamaServerTest, APromptIsReadAnewForWhoWantsIt) {
  start();
  complete();
  EXPECT_GT(complete()["tokens_cached"], 0);
  const Json anew = complete({{"cache_prompt", false}});
  EXPECT_EQ(anew["tokens_cached"], 0);
  EXPECT_EQ(anew["timings"]["prompt_n"], anew["tokens_evaluated"]);
}

TEST_F(LlamaServerTest, WhatItLacksIsRefusedByName) {
  start();
  for (const auto& [field, value] :
       {std::pair{"post_sampling_probs", Json(true)}, std::pair{"mirostat", Json(1)},
        std::pair{"no_such_field", Json(1)}, std::pair{"response_fields", Json("content")}}) {
    EXPECT_EQ(error_of(post("/completion", {{"prompt", "Hi"}, {field, value}}), 400)["param"],
              field);
  }
}

TEST_F(LlamaServerTest, PropertiesAsItsClientsReadThem) {
  api_.defaults.sampling.seed = 7;
  start();
  const Json props = Json::parse(client().Get("/props")->body);
  EXPECT_EQ(props["default_generation_settings"]["n_ctx"], 512);
  EXPECT_EQ(props["default_generation_settings"]["params"]["seed"], 7);
  EXPECT_THAT(props["model_path"].get<std::string>(), testing::EndsWith("llm.gguf"));
}

}  // namespace
}  // namespace citer
