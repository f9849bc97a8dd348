// An LLM at a server that completes texts and does nothing else: llama-server, and a citer, of
// which no other routes can be reached.
#include "remote/faulty_pair.h"
#include "remote/llama_server.h"
#include "remote/loopback_server.h"
#include "support/error_text.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace citer::test {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;

class RemoteText : public FaultyPairTest {
 protected:
  /// What the server completes is the LLM's.
  RemoteText() { api_.defaults.policy = "llm"; }

  static Fault no_fault(int /*n*/) { return Fault::kNone; }

  /// The server of this process; the first request is the handshake's.
  std::unique_ptr<FaultyServer> text_server(FaultyServer::Plan plan = no_fault) const {
    return std::make_unique<FaultyServer>(server_->port(), std::move(plan), true);
  }

  void expect_same_texts(const std::string& url) const {
    const auto client = client_of(url);
    for (const double threshold : {0.5, 0.9, 1.0}) {
      EXPECT_EQ(texts(*client, options(threshold, 0)), texts(*service_, options(threshold)));
    }
    const LlmServerStatus status = *client->status().llm_server;
    EXPECT_EQ(status.kind, "text");
    EXPECT_EQ(status.faults, 0);
  }

  /// One request goes wrong in this way; it is made again and nothing is missing.
  void expect_healed(Fault fault) {
    start();
    const auto faulty = text_server([&](int n) { return n == 4 ? fault : Fault::kNone; });
    expect_nothing_missing({.url = faulty->url(), .timeout = milliseconds(20'000)});
  }

  /// After the handshake all go wrong in this way: the texts are the SLM's.
  void expect_slm_stands(Fault fault, const std::string& why, milliseconds timeout) {
    start();
    const auto faulty = text_server([&](int n) { return n > 0 ? fault : Fault::kNone; });
    const std::vector<std::string> alone = texts(*service_, options(0.0));
    const std::vector<Answer> answers =
        write({.url = faulty->url(), .timeout = timeout}, options(0.9));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      EXPECT_EQ(answers[i].text, alone[i]);
      EXPECT_GT(answers[i].counters.unanswered, 0);
      EXPECT_THAT(answers[i].llm_fault, HasSubstr(why));
    }
    expect_refusal(why);
  }
};

TEST_F(RemoteText, WritesTheTextsOfTheLocalPair) {
  start();
  expect_same_texts(text_server()->url());
}

TEST_F(RemoteText, LlamaServerWithoutItsOtherRoutes) {
  if (!LlamaServerProgram::is_installed()) GTEST_SKIP() << "llama-server is not installed";
  start();
  const LlamaServerProgram llama;
  ASSERT_TRUE(llama.is_ready());
  expect_same_texts(FaultyServer(llama.port(), no_fault, true).url());
}

TEST_F(RemoteText, WhatEachTripReadsAndWritesIsCounted) {
  start();
  const auto server = text_server();
  const auto client = client_of(server->url());
  for (const Answer& answer : client->write_all(requests(options(0.9)))) {
    const Counters& c = answer.counters;
    EXPECT_GT(c.llm_passes, 0);
    EXPECT_GE(c.llm_positions, c.llm_passes * (answer.prompt_tokens - 1));
    EXPECT_GE(c.llm_own_tokens, c.llm_passes);
    EXPECT_LE(c.llm_own_tokens, 4 * c.llm_passes);
  }
}

TEST_F(RemoteText, DrawsAreRepeatedByTheirSeed) {
  start();
  const auto server = text_server();
  const auto client = client_of(server->url());
  GenerationOptions drawn = options(0.9);
  drawn.sampling = {.temperature = 0.8, .seed = 3};
  const std::vector<std::string> first = texts(*client, drawn);
  EXPECT_EQ(texts(*client, drawn), first);
  drawn.sampling.seed = 4;
  EXPECT_NE(texts(*client, drawn), first);
}

TEST_F(RemoteText, AnLlmOfAnotherVocabularyWritesItsOwnText) {
  service_options_.context.context_size = 1024;
  start();
  const TempDir folder;
  write_tiny_model(folder / "slm.gguf", {});
  pair_.slm.path = (folder / "slm.gguf").string();
  pair_.routers.clear();
  const auto server = text_server();
  const auto client = client_of(server->url());
  GenerationOptions how = options(1.0);
  const std::vector<std::string> wanted = texts(*service_, how, 2);
  how.max_tokens = 400;  // of the SLM's, which are shorter
  EXPECT_EQ(texts(*client, how, 2), wanted);
}

TEST_F(RemoteText, WhatNeedsMoreThanTextIsRefusedByName) {
  start();
  const auto server = text_server();
  const auto client = client_of(server->url());
  const auto error = [&](const std::function<void(GenerationOptions&)>& change) {
    GenerationOptions how = options(0.9);
    change(how);
    std::string text = error_text<FieldError>([&] { texts(*client, how, 1); });
    EXPECT_THAT(text, HasSubstr("gives text alone"));
    return text;
  };
  for (const char* policy : {"oracle", "ratio", "divergence", "speculative"}) {
    EXPECT_THAT(error([&](auto& how) { how.policy = policy; }),
                AllOf(HasSubstr("policy"), HasSubstr(policy)));
  }
  const auto refused = [&](const char* field, const std::function<void(GenerationOptions&)>& how) {
    EXPECT_THAT(error(how), HasSubstr(field));
  };
  refused("pending_tokens", [](auto& how) { how.pending_tokens = 4; });
  refused("audit", [](auto& how) { how.audit = true; });
  refused("reasoning_budget", [](auto& how) { how.reasoning_budget = 5; });
  refused("grammar", [](auto& how) { how.sampling.grammar = "root ::= \"a\""; });
  refused("top_logprobs", [](auto& how) { how.sampling.top_logprobs = 0; });
  refused("logit_bias", [](auto& how) { how.sampling.logit_bias.emplace_back(5, 1.0F); });
  refused("repeat_penalty", [](auto& how) { how.sampling.repeat_penalty = 1.1; });
}

TEST_F(RemoteText, AConnectionThatEnds) { expect_healed(Fault::kClosed); }
TEST_F(RemoteText, HalfAnAnswer) { expect_healed(Fault::kHalf); }
TEST_F(RemoteText, Garbage) { expect_healed(Fault::kGarbage); }
TEST_F(RemoteText, ASenselessAnswer) { expect_healed(Fault::kSenseless); }
TEST_F(RemoteText, BusyForASecond) { expect_healed(Fault::kBusy); }
TEST_F(RemoteText, Unavailable) { expect_healed(Fault::kUnavailable); }

TEST_F(RemoteText, AStall) {
  expect_slm_stands(Fault::kStall, "no answer in time", milliseconds(600));
}
TEST_F(RemoteText, AKeyThatIsNoLongerTaken) {
  expect_slm_stands(Fault::kRefused, "HTTP 401: no valid API key", milliseconds(20'000));
}

TEST_F(RemoteText, AKeyAtTheHandshake) {
  start();
  const auto faulty = text_server([](int) { return Fault::kRefused; });
  EXPECT_THAT(error_text<InputError>([&] { client_of(faulty->url()); }), HasSubstr("HTTP 401"));
}

/// Completes every text by the same one, if asked for the model "the-llm". For any other path it
/// has a page.
class OneText {
 public:
  explicit OneText(const std::string& text) {
    server_.routes().Get(".*",
                         [](const httplib::Request& /*request*/, httplib::Response& response) {
                           response.set_content("<html>Welcome</html>", "text/html");
                         });
    const auto complete = [text](const httplib::Request& request, httplib::Response& response) {
      const bool is_there = Json::parse(request.body).at("model") == "the-llm";
      const Json choice = {{"index", 0}, {"text", text}, {"finish_reason", "length"}};
      response.status = is_there ? 200 : 404;
      response.set_content(is_there ? Json{{"choices", {choice}}}.dump()
                                    : R"({"error": {"message": "no such model"}})",
                           "application/json");
    };
    server_.routes().Post("/v1/completions", complete);
    server_.start();
  }

  std::string url() const { return server_.url(); }
  RemoteOptions remote() const { return {.url = url(), .model = "the-llm"}; }

 private:
  LoopbackServer server_;
};

TEST_F(RemoteText, TextThatWasCutWithinACharacter) {
  choose_bundled_pair();
  const OneText server("12\xEF\xBF\xBD");
  GenerationOptions how = options(1.0);
  how.max_tokens = 3;
  EXPECT_EQ(texts(*client_service(server.remote()), how, 1).front(), "121");
}

TEST_F(RemoteText, WhereItWritesNothingTheSlmStands) {
  choose_bundled_pair();
  const OneText server("");
  GenerationOptions how = options(1.0);
  how.max_tokens = 3;
  const auto client = client_service(server.remote());
  const Answer answer = client->write_all(requests(how, 1)).front();
  EXPECT_EQ(answer.counters.unanswered, 3);
  EXPECT_EQ(answer.llm_fault, server.url() + "/v1/completions: it wrote nothing");
}

TEST_F(RemoteText, AModelByItsName) {
  choose_bundled_pair();
  const OneText server("1");
  EXPECT_EQ(client_service(server.remote())->llm_facts().description, "the-llm");
  EXPECT_THAT(
      error_text<InputError>([&] { client_service({.url = server.url(), .model = "another"}); }),
      HasSubstr("/v1/completions: HTTP 404: no such model"));
  EXPECT_THAT(error_text<InputError>([&] { client_of(server.url()); }),
              HasSubstr("found another kind of server"));
}

}  // namespace
}  // namespace citer::test
