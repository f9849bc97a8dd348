// `citer serve` as a process: its flags, signals, and what it prints.
#include "serve/program.h"

#include <algorithm>

namespace citer {
namespace {

using test::error_of;
using test::kQuestion;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST(ServeProgram, AnswersUntilItIsToldToStop) {
  test::ServeProgram server({"--api-key", "a,b", "--api-key", "c"});
  auto client = server.client();
  error_of(client.Get("/v1/models"), 401);
  for (const char* key : {"a", "b", "c"}) {
    client.set_bearer_token_auth(key);
    EXPECT_EQ(client.Get("/v1/models")->status, 200) << key;
  }
  EXPECT_EQ(Json::parse(client.Get("/props")->body)["total_slots"], 8);
  EXPECT_EQ(server.stop(SIGTERM), 0);
  EXPECT_THAT(server.err(), StartsWith("listening on http://127.0.0.1:"));
}

TEST(ServeProgram, PageAndSlotsAreShownUnlessItSaysOtherwise) {
  test::ServeProgram open({});
  EXPECT_EQ(open.client().Get("/")->status, 200);
  EXPECT_EQ(open.client().Get("/slots")->status, 200);
  test::ServeProgram closed({"--no-ui", "--no-slots"});
  error_of(closed.client().Get("/"), 404);
  error_of(closed.client().Get("/slots"), 501);
  EXPECT_EQ(closed.client().Get("/v1/models")->status, 200);
}

TEST(ServeProgram, FinishesAStreamBeforeItStops) {
  test::ServeProgram server({"--ignore-eos", "-c", "4096"});
  auto client = server.client();
  std::string body;
  bool asked = false;
  const auto result = client.Post(
      "/v1/completions", {},
      Json{{"prompt", kQuestion}, {"model", "llm"}, {"max_tokens", 300}, {"stream", true}}.dump(),
      "application/json", [&](const char* data, std::size_t n) {
        if (!std::exchange(asked, true)) server.signal(SIGINT);
        body.append(data, n);
        return true;
      });
  EXPECT_TRUE(result);
  EXPECT_THAT(body, HasSubstr("data: [DONE]"));
  EXPECT_EQ(server.stop(0), 0);
}

TEST(ServeProgram, CutsOffWhatTakesLongerThanTheDrainTimeout) {
  test::ServeProgram server({"--ignore-eos", "-c", "8192", "--drain-timeout", "0"});
  auto client = server.client();
  std::string body;
  bool asked = false;
  client.Post("/v1/completions", {},
              Json{{"prompt", kQuestion}, {"model", "llm"}, {"stream", true}}.dump(),
              "application/json", [&](const char* data, std::size_t n) {
                if (!std::exchange(asked, true)) server.signal(SIGTERM);
                body.append(data, n);
                return true;
              });
  EXPECT_THAT(body, HasSubstr("shutting_down"));
  EXPECT_EQ(server.stop(0), 0);
  EXPECT_THAT(server.err(), HasSubstr("cut off"));
}

TEST(ServeProgram, KeysFromAFile) {
  const test::TempDir folder;
  write_file(folder / "keys", "one\ntwo\n");
  test::ServeProgram server({"--api-key-file", (folder / "keys").string()});
  auto client = server.client();
  client.set_bearer_token_auth("two");
  EXPECT_EQ(client.Get("/v1/models")->status, 200);
}

TEST(ServeProgram, LogsRequests) {
  const test::TempDir folder;
  const std::string log = (folder / "log").string();
  {
    test::ServeProgram server({"--log-requests", log, "--alias", "gpt-4o,gpt-5"});
    auto client = server.client();
    Json body = {{"prompt", kQuestion}, {"model", "gpt-5"}, {"max_tokens", 5}};
    client.Post("/v1/completions", {{"X-Request-Id", "first"}}, body.dump(), "application/json");
    body["stream"] = true;
    body["model"] = "llm";
    client.Post("/v1/completions", body.dump(), "application/json");
    body["model"] = "none";
    client.Post("/v1/completions", body.dump(), "application/json");
    client.Get("/health");
    EXPECT_EQ(server.stop(SIGTERM), 0);
  }
  const std::string text = read_file(log);
  EXPECT_THAT(text, testing::Not(HasSubstr("Xenia"))) << "what was asked is nobody's business";
  std::vector<Json> lines;
  for_each_line(log, [&](std::string_view line, int) { lines.push_back(Json::parse(line)); });
  ASSERT_EQ(lines.size(), 4U) << text;
  // In the order in which they ended: a stream's line may come after that of the next request.
  std::stable_sort(lines.begin() + 1, lines.begin() + 3,
                   [](const Json& a, const Json& b) { return a["status"] < b["status"]; });
  EXPECT_THAT(lines[0]["time"].get<std::string>(),
              testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{3}Z"));
  EXPECT_EQ(lines[0]["id"], "first");
  EXPECT_EQ(lines[0]["path"], "/v1/completions");
  EXPECT_EQ(lines[0]["status"], 200);
  EXPECT_EQ(lines[0]["model"], "gpt-5");
  EXPECT_EQ(lines[0]["slm_tokens"].get<int>() + lines[0]["llm_tokens"].get<int>(), 5);
  EXPECT_GT(lines[0]["prompt_tokens"], 10);
  EXPECT_GT(lines[0]["seconds"], 0.0);
  EXPECT_EQ(lines[1]["stream"], true);
  EXPECT_EQ(lines[1]["llm_tokens"], 5);
  EXPECT_EQ(lines[2]["status"], 404);
  EXPECT_EQ(lines[2]["error"], "model_not_found");
  EXPECT_EQ(lines[3]["path"], "/health");
}

TEST(ServeProgram, LogsPromptsOnlyWhenItIsTold) {
  const test::TempDir folder;
  const std::string log = (folder / "log").string();
  test::ServeProgram server({"--log-requests", log, "--log-prompts"});
  const Json body = {{"prompt", kQuestion}, {"max_tokens", 1}};
  server.client().Post("/v1/completions", body.dump(), "application/json");
  EXPECT_EQ(server.stop(SIGTERM), 0);
  EXPECT_EQ(Json::parse(Json::parse(read_file(log))["body"].get<std::string>()), body);
}

TEST(ServeProgram, WrongFlagsAreNamed) {
  const auto error = [](const std::vector<std::string>& flags, int status) {
    std::vector<std::string> arguments = {"serve", "--port", "0"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const test::ProcessResult result =
        test::run_process(CITER_PROGRAM, arguments, {.time_limit = 20});
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_THAT(result.err, StartsWith("citer: "));
    return result.err;
  };
  EXPECT_THAT(error({"--port", "70000"}, 2), HasSubstr("--port"));
  EXPECT_THAT(error({"--ssl-key-file", "k"}, 2), HasSubstr("--ssl-cert-file"));
  EXPECT_THAT(error({"--ssl-key-file", "k", "--ssl-cert-file", "c"}, 1), HasSubstr("c, k"));
  EXPECT_THAT(error({"--api-key-file", "none"}, 1), HasSubstr("none"));
  EXPECT_THAT(error({"--host", "256.0.0.1"}, 1),
              AllOf(HasSubstr("there is no --api-key"), HasSubstr("cannot listen on 256.0.0.1")));
  EXPECT_THAT(error({"-m", "none.gguf", "-md", "none.gguf"}, 1), HasSubstr("none.gguf"));
  EXPECT_THAT(error({"--policy", "best"}, 2), HasSubstr("best"));
  EXPECT_THAT(error({"--policy", "margin", "--budget", "0.1"}, 2), HasSubstr("--budget"));
}

}  // namespace
}  // namespace citer
