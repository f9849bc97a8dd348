// The API's answers, on the bundled pair.
#include <algorithm>
#include <future>
#include <sstream>

#include "serve/server.h"

namespace citer {
namespace {

using test::error_of;
using test::kQuestion;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class ApiTest : public test::ServerTest {
 protected:
  static Json chat_body() {
    return {{"messages", {{{"role", "user"}, {"content", kQuestion}}}}, {"max_tokens", 40}};
  }

  /// A request that keeps its sequence busy for a long time, unless it is cancelled.
  static Json endless() { return {{"prompt", kQuestion}, {"model", "llm"}, {"max_tokens", 8000}}; }

  /// Answers go on for ever.
  void start_endless() {
    service_options_.context.context_size = 8192;
    api_.defaults.ignore_eog = true;
    start();
  }
};

TEST_F(ApiTest, ModelsAreWaysOfRouting) {
  start();
  const Json models = Json::parse(client().Get("/v1/models")->body);
  EXPECT_EQ(models["object"], "list");
  std::vector<std::string> ids;
  for (const Json& model : models["data"]) ids.push_back(model["id"]);
  EXPECT_THAT(ids, testing::ElementsAre("citer", "citer-budget-0.05", "citer-budget-0.1",
                                        "citer-budget-0.2", "slm", "llm"));
  const auto citer_of = [&](const char* model, Json fields = nullptr) {
    return answer("/v1/completions",
                  {{"prompt", kQuestion}, {"model", model}, {"citer", fields}})["citer"];
  };
  EXPECT_EQ(citer_of("llm")["llm_share"], 1.0);
  EXPECT_EQ(citer_of("slm")["llm_share"], 0.0);
  EXPECT_EQ(citer_of("citer")["policy"], "citer");
  EXPECT_EQ(citer_of("maxprob")["threshold"], 0.9);
  EXPECT_EQ(citer_of("slm", {{"policy", "llm"}})["policy"], "llm");
  EXPECT_EQ(citer_of("citer", {{"threshold", 0.25}})["threshold"], 0.25);
  EXPECT_LT(citer_of("citer-budget-0.02")["threshold"], citer_of("citer-budget-0.3")["threshold"]);
}

TEST_F(ApiTest, WrongRouting) {
  start();
  const auto error = [&](const Json& more, int status) {
    Json body = {{"prompt", "x"}};
    body.update(more);
    return error_of(post("/v1/completions", body), status);
  };
  EXPECT_EQ(error({{"model", "gpt-4"}}, 404)["code"], "model_not_found");
  EXPECT_EQ(error({{"model", "citer-budget-2"}}, 404)["param"], "model");
  EXPECT_EQ(error({{"citer", {{"policy", "best"}}}}, 400)["param"], "citer.policy");
  EXPECT_EQ(error({{"citer", {{"policy", "random:2"}}}}, 400)["param"], "citer.policy");
  EXPECT_EQ(error({{"citer", {{"policy", "margin"}, {"budget", 0.1}}}}, 400)["param"],
            "citer.budget");
  EXPECT_EQ(error({{"citer", {{"threshold", 0.1}, {"budget", 0.1}}}}, 400)["param"],
            "citer.budget");
}

TEST_F(ApiTest, Chat) {
  start();
  const Json response = answer("/v1/chat/completions", chat_body());
  EXPECT_EQ(response["object"], "chat.completion");
  const Json& choice = response["choices"][0];
  EXPECT_EQ(choice["message"]["role"], "assistant");
  EXPECT_NE(choice["message"]["content"], "");
  EXPECT_EQ(response["usage"]["total_tokens"].get<int>(),
            response["usage"]["prompt_tokens"].get<int>() +
                response["usage"]["completion_tokens"].get<int>());
  EXPECT_EQ(answer("/chat/completions", chat_body())["choices"], response["choices"]);
}

TEST_F(ApiTest, StreamIsTheWholeAnswerInPieces) {
  start();
  Json body = chat_body();
  const std::string text = answer("/v1/chat/completions", body)["choices"][0]["message"]["content"];
  body["stream_options"] = {{"include_usage", true}};
  body["citer"] = {{"trace", true}};
  const std::vector<std::string> events = this->events("/v1/chat/completions", body);
  ASSERT_GT(events.size(), 5U);
  EXPECT_EQ(events.back(), "[DONE]");
  std::string streamed;
  std::string traced;
  for (std::size_t i = 0; i + 2 < events.size(); ++i) {
    const Json chunk = Json::parse(events[i]);
    const Json& choice = chunk["choices"][0];
    EXPECT_EQ(choice["delta"].contains("role"), i == 0);
    EXPECT_EQ(choice["finish_reason"].is_null(), i + 3 < events.size());
    streamed += test::text_in(choice["delta"], "content");
    if (!chunk.contains("citer") || !chunk["citer"].contains("trace")) continue;
    for (const Json& token : chunk["citer"]["trace"]) traced += token["text"];
  }
  EXPECT_EQ(streamed, text);
  EXPECT_EQ(traced, text);
  EXPECT_TRUE(Json::parse(events[events.size() - 3])["citer"].contains("llm_share"));
  EXPECT_GT(Json::parse(events[events.size() - 2])["usage"]["completion_tokens"], 0);
}

TEST_F(ApiTest, StopStringsEndTheTextBeforeThem) {
  start();
  Json body = {{"prompt", kQuestion}, {"stop", {"dollars", "no such"}}, {"max_tokens", 60}};
  const Json choice = answer("/v1/completions", body)["choices"][0];
  EXPECT_THAT(choice["text"].get<std::string>(), testing::Not(HasSubstr("dollars")));
  EXPECT_EQ(choice["finish_reason"], "stop");
  std::string streamed;
  const auto events = this->events("/v1/completions", body);
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    streamed += Json::parse(events[i])["choices"][0]["text"].get<std::string>();
  }
  EXPECT_EQ(streamed, choice["text"]);
}

TEST_F(ApiTest, PromptsAsTextOrTokensOneOrMany) {
  start();
  const Json tokens =
      answer("/tokenize", {{"content", kQuestion}, {"add_special", true}})["tokens"];
  Json body = {{"prompt", {kQuestion, "Question: 1 + 1?\nSolution:"}}, {"max_tokens", 8}};
  const Json two = answer("/v1/completions", body)["choices"];
  ASSERT_EQ(two.size(), 2U);
  body["prompt"] = tokens;
  EXPECT_EQ(answer("/v1/completions", body)["choices"][0]["text"], two[0]["text"]);
  body["prompt"] = {tokens, tokens};
  body["echo"] = true;
  const Json echoed = answer("/v1/completions", body);
  EXPECT_EQ(echoed["choices"][1]["text"], kQuestion + two[0]["text"].get<std::string>());
  EXPECT_EQ(echoed["usage"]["prompt_tokens"], 2 * tokens.size());
  body["max_tokens"] = 0;
  EXPECT_EQ(answer("/v1/completions", body)["choices"][0]["text"], kQuestion);
}

TEST_F(ApiTest, NoTokensAreCountedWhereNoneIsAskedFor) {
  start();
  const Json chat = {{"messages", {{{"role", "user"}, {"content", "Hello"}}}}, {"max_tokens", 0}};
  const Json plain = {{"prompt", "Hello"}, {"max_tokens", 0}, {"citer", {{"trace", true}}}};
  for (const auto& [path, body] :
       {std::pair{"/v1/chat/completions", chat}, {"/v1/completions", plain}}) {
    const Json response = answer(path, body);
    EXPECT_EQ(response["usage"]["completion_tokens"], 0) << path;
    EXPECT_EQ(response["citer"]["tokens"], 0) << path;
    EXPECT_EQ(response["choices"][0]["finish_reason"], "length") << path;
  }
  EXPECT_EQ(answer("/v1/completions", plain)["citer"]["trace"], Json::array());
  EXPECT_TRUE(becomes("citer_tokens_total{writer=\"llm\"}", 0));
}

TEST_F(ApiTest, SeveralChoicesDrawTheirOwnNumbers) {
  start();
  Json body = {{"prompt", kQuestion}, {"n", 3},     {"temperature", 3.0}, {"top_k", 0},
               {"top_p", 1.0},        {"min_p", 0}, {"seed", 7},          {"max_tokens", 10}};
  const Json choices = answer("/v1/completions", body)["choices"];
  ASSERT_EQ(choices.size(), 3U);
  EXPECT_NE(choices[0]["text"], choices[1]["text"]);
  EXPECT_NE(choices[1]["text"], choices[2]["text"]);
  EXPECT_EQ(answer("/v1/completions", body)["choices"][2]["text"], choices[2]["text"]);
  std::vector<std::string> streamed(3);
  const auto events = this->events("/v1/completions", body);
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    const Json choice = Json::parse(events[i])["choices"][0];
    streamed.at(choice["index"]) += choice["text"].get<std::string>();
  }
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(streamed[i], choices[i]["text"]);
}

TEST_F(ApiTest, SeedsRepeatAnAnswer) {
  start();
  Json body = {{"prompt", kQuestion}, {"temperature", 3.0}, {"seed", 1}, {"max_tokens", 12}};
  const std::string first = text_of(body);
  EXPECT_EQ(text_of(body), first);
  body["seed"] = 2;
  EXPECT_NE(text_of(body), first);
}

TEST_F(ApiTest, PromptsThatDoNotFit) {
  start();
  const auto error = [&](const Json& body) { return error_of(post("/v1/completions", body), 400); };
  std::string longest;
  for (int i = 0; i < 600; ++i) longest += " dollars";
  const Json overflow = error({{"prompt", longest}});
  EXPECT_EQ(overflow["code"], "context_length_exceeded");
  EXPECT_EQ(overflow["type"], "exceed_context_size_error");
  EXPECT_GT(overflow["n_prompt_tokens"], 600);
  EXPECT_EQ(overflow["n_ctx"], 512);
  EXPECT_THAT(overflow["message"].get<std::string>(),
              testing::HasSubstr("exceeds the available context size"));  // clients look for this
  EXPECT_EQ(error({{"prompt", Json::array({Json::array()})}})["param"], "prompt");
  EXPECT_EQ(error_of(post("/v1/chat/completions",
                          {{"messages", {{{"role", "user"}, {"content", longest}}}}}),
                     400)["param"],
            "messages");
  // A limit beyond the context is no error.
  EXPECT_EQ(answer("/v1/completions",
                   {{"prompt", kQuestion}, {"max_tokens", 100000}})["choices"][0]["finish_reason"],
            "stop");
}

TEST_F(ApiTest, TokenizeAndBack) {
  start();
  const std::string text = "Hello é \xf0\x9f\x98\x80";
  const Json tokens = answer("/tokenize", {{"content", text}})["tokens"];
  EXPECT_EQ(answer("/detokenize", {{"tokens", tokens}})["content"], text);
  const Json pieces = answer("/tokenize", {{"content", "Aé"}, {"with_pieces", true}})["tokens"];
  EXPECT_EQ(pieces[0]["piece"], "A");
  EXPECT_EQ(pieces[1]["piece"], Json::parse("[195]"));
  EXPECT_EQ(error_of(post("/tokenize", {{"text", "x"}}), 400)["param"], "content");
  EXPECT_EQ(error_of(post("/detokenize", {{"tokens", {1, -1}}}), 400)["param"], "tokens");
}

TEST_F(ApiTest, SlotsSayWhatIsWritten) {
  start_endless();
  const auto slots = [&] { return Json::parse(client().Get("/slots")->body); };
  EXPECT_EQ(slots().size(), 4U);
  for (const Json& slot : slots()) EXPECT_EQ(slot["is_processing"], false);
  auto client = this->client();
  auto running = std::async(std::launch::async, [&] {
    return client.Post("/v1/completions", endless().dump(), "application/json");
  });
  EXPECT_TRUE(becomes("citer_active_sequences", 1));
  const Json busy = slots();
  EXPECT_EQ(std::count_if(busy.begin(), busy.end(),
                          [](const Json& slot) {
                            return slot["is_processing"] == true && slot["n_prompt_tokens"] > 10;
                          }),
            1);
  client.stop();
  running.get();
}

TEST_F(ApiTest, PropsSayWhatIsServed) {
  start();
  const Json props = Json::parse(client().Get("/props")->body);
  EXPECT_EQ(props["default_policy"], "citer");
  EXPECT_EQ(props["context_size"], 512);
  EXPECT_EQ(props["total_slots"], 4);
  EXPECT_GT(props["llm"]["parameters"], props["slm"]["parameters"]);
  EXPECT_GT(props["calibration"].size(), 5U);
}

TEST_F(ApiTest, ConcurrentAnswersAreThoseWrittenAlone) {
  start();
  std::vector<Json> bodies;
  std::vector<std::string> alone;
  for (int i = 0; i < 16; ++i) {
    bodies.push_back({{"prompt", "Question: Ann has " + std::to_string(20 + 7 * i) +
                                     " dollars. She spends 13 dollars on books. How many dollars "
                                     "does Ann keep?\nSolution:"},
                      {"max_tokens", 40 + i},
                      {"temperature", i % 2},
                      {"seed", i},
                      {"model", i % 3 == 0 ? "llm" : "citer"}});
    alone.push_back(text_of(bodies.back()));
  }
  std::vector<std::future<std::string>> together;
  together.reserve(bodies.size());
  for (const Json& body : bodies) {
    together.push_back(std::async(std::launch::async, [&] { return text_of(body); }));
  }
  for (std::size_t i = 0; i < bodies.size(); ++i) EXPECT_EQ(together[i].get(), alone[i]) << i;
}

TEST_F(ApiTest, ADisconnectFreesTheSequence) {
  start_endless();
  for (const bool stream : {false, true}) {
    Json body = endless();
    body["stream"] = stream;
    auto client = this->client();
    client.set_read_timeout(std::chrono::milliseconds(300));
    int received = 0;
    const auto result = stream
                            ? client.Post("/v1/completions", {}, body.dump(), "application/json",
                                          [&](const char*, std::size_t) { return ++received < 5; })
                            : client.Post("/v1/completions", body.dump(), "application/json");
    EXPECT_FALSE(result);
    client.stop();
    EXPECT_TRUE(becomes("citer_active_sequences", 0)) << stream;
    EXPECT_TRUE(becomes("citer_cancellations_total", stream ? 2 : 1)) << stream;
  }
}

TEST_F(ApiTest, AFullQueueRefuses) {
  service_options_.context.sequences = 1;
  service_options_.queue_limit = 1;
  start_endless();
  std::vector<std::unique_ptr<httplib::Client>> clients;
  std::vector<std::future<void>> running;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(std::make_unique<httplib::Client>(client()));
    running.push_back(std::async(std::launch::async, [&, i] {
      clients[static_cast<std::size_t>(i)]->Post("/v1/completions", endless().dump(),
                                                 "application/json");
    }));
    EXPECT_TRUE(becomes(i == 0 ? "citer_active_sequences" : "citer_queued_requests", 1));
  }
  const auto refused = post("/v1/completions", endless());
  EXPECT_EQ(error_of(refused, 429)["code"], "overloaded");
  EXPECT_EQ(refused->get_header_value("Retry-After"), "1");
  for (const auto& client : clients) client->stop();
  for (auto& done : running) done.get();
  EXPECT_TRUE(becomes("citer_queued_requests", 0) && becomes("citer_active_sequences", 0));
}

TEST_F(ApiTest, TimeLimit) {
  api_.time_limit = std::chrono::seconds(1);
  start_endless();
  EXPECT_EQ(error_of(post("/v1/completions", endless()), 504)["code"], "timeout");
  const auto events = this->events("/v1/completions", endless());
  EXPECT_THAT(events.back(), HasSubstr("\"timeout\""));
  EXPECT_TRUE(becomes("citer_active_sequences", 0));
}

TEST_F(ApiTest, ASlowReaderStallsNobody) {
  start_endless();
  Json body = endless();
  body["stream"] = true;
  body["citer"] = {{"trace", true}};
  auto slow = std::async(std::launch::async, [&] {
    auto client = this->client();
    client.Post("/v1/completions", {}, body.dump(), "application/json",
                [](const char*, std::size_t) {
                  std::this_thread::sleep_for(std::chrono::seconds(2));
                  return false;
                });
  });
  EXPECT_TRUE(becomes("citer_active_sequences", 1));
  EXPECT_EQ(text_of({{"prompt", kQuestion}, {"max_tokens", 1}}), " The");
  slow.get();
  EXPECT_TRUE(becomes("citer_active_sequences", 0));
}

TEST_F(ApiTest, DrainFinishesWhatRunsAndRefusesTheRest) {
  api_.defaults.ignore_eog = true;
  start();
  Json body = {{"prompt", kQuestion}, {"model", "llm"}, {"max_tokens", 400}};
  auto running = std::async(std::launch::async, [&] { return text_of(body); });
  EXPECT_TRUE(becomes("citer_active_sequences", 1));
  EXPECT_TRUE(server_->drain(std::chrono::minutes(3)));
  EXPECT_THAT(running.get(), StartsWith(" "));
  EXPECT_FALSE(client().Get("/health"));  // nobody listens
}

TEST_F(ApiTest, DrainDeliversStreamsToTheirEnd) {
  api_.defaults.ignore_eog = true;
  service_options_.context.sequences = 8;
  service_options_.context.context_size = 4096;
  start();
  // More than sockets hold, so that it is written long before it can be sent.
  const Json body = {{"messages", Json::array({{{"role", "user"}, {"content", kQuestion}}})},
                     {"model", "slm"},
                     {"max_tokens", 400},
                     {"n", 8},
                     {"logprobs", true},
                     {"top_logprobs", 20},
                     {"stream", true}};
  std::promise<void> asked;
  std::promise<void> may_read;
  std::string text;
  auto slow = std::async(std::launch::async, [&] {
    auto client = this->client();
    return client.Post("/v1/chat/completions", {}, body.dump(), "application/json",
                       [&](const char* data, std::size_t n) {
                         if (text.empty()) {
                           asked.set_value();
                           may_read.get_future().wait();
                         }
                         text.append(data, n);
                         return true;
                       });
  });
  asked.get_future().wait();
  EXPECT_TRUE(becomes("citer_active_sequences", 0));
  auto drained =
      std::async(std::launch::async, [&] { return server_->drain(std::chrono::minutes(3)); });
  EXPECT_EQ(drained.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  may_read.set_value();
  EXPECT_TRUE(drained.get());
  EXPECT_TRUE(slow.get());
  EXPECT_THAT(text.substr(text.size() - std::min<std::size_t>(text.size(), 200)),
              EndsWith("data: [DONE]\n\n"));
}

TEST_F(ApiTest, DrainEndsWhatTakesTooLong) {
  start_endless();
  auto running = std::async(std::launch::async, [&] { return post("/v1/completions", endless()); });
  EXPECT_TRUE(becomes("citer_active_sequences", 1));
  EXPECT_FALSE(server_->drain(std::chrono::milliseconds(100)));
  EXPECT_EQ(error_of(running.get(), 503)["code"], "shutting_down");
}

}  // namespace
}  // namespace citer
