// The API over a pair of different vocabularies.
#include <thread>

#include "serve/server.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace citer {
namespace {

using test::error_of;
using test::kQuestion;
using testing::HasSubstr;

class ServeByText : public test::ServerTest {
 protected:
  ServeByText() {
    test::write_tiny_model(folder_ / "llm.gguf", {.seed = 31});
    choose_bundled_pair();
    pair_.llm.path = (folder_ / "llm.gguf").string();
    pair_.llm.devices = "none";
    listen();
  }

  static Json routed(Json body) {
    body["max_tokens"] = 24;
    body["citer"] = {{"policy", "random:0.5"}, {"threshold", 0.5}, {"trace", true}};
    return body;
  }

  test::TempDir folder_;
};

TEST_F(ServeByText, AnswersSeveralAtOnce) {
  std::vector<std::thread> clients;
  for (int i = 0; i < 5; ++i) {
    clients.emplace_back([&, i] {
      const Json body = routed({{"messages", {{{"role", "user"}, {"content", kQuestion}}}},
                                {"temperature", 1.0},
                                {"seed", i}});
      const Json reply = answer("/v1/chat/completions", body);
      EXPECT_TRUE(reply["choices"][0]["message"]["content"].is_string());
      const Json& cost = reply["citer"];
      EXPECT_EQ(cost["tokens"], reply["usage"]["completion_tokens"]);
      EXPECT_GE(cost["llm_positions"], cost["llm_own_tokens"]);
    });
  }
  for (std::thread& client : clients) client.join();
}

TEST_F(ServeByText, RefusesWhatTakesOneVocabulary) {
  const Json logprobs =
      error_of(post("/v1/completions", routed({{"prompt", kQuestion}, {"logprobs", 2}})), 400);
  EXPECT_EQ(logprobs["param"], "top_logprobs");
  EXPECT_THAT(logprobs["message"].get<std::string>(), HasSubstr("one vocabulary"));
  const Json tokens = error_of(post("/v1/completions", routed({{"prompt", {5, 6, 7}}})), 400);
  EXPECT_THAT(tokens["message"].get<std::string>(), HasSubstr("expected text"));
}

}  // namespace
}  // namespace citer
