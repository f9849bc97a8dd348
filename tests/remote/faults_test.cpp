// What becomes of answers when the server that runs the LLM fails.
#include <random>

#include "remote/faulty_pair.h"
#include "remote/http_link.h"
#include "serve/certificate.h"
#include "support/error_text.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace citer::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class RemoteFaults : public FaultyPairTest {
 protected:
  static RemoteOptions remote(const FaultyServer& faulty,
                              milliseconds timeout = milliseconds(20'000)) {
    return {.url = faulty.url(), .timeout = timeout, .ahead = 0};
  }

  /// The third request goes wrong in this way; it is made again and nothing is missing.
  void expect_healed(Fault fault) {
    start();
    const FaultyServer faulty(server_->port(),
                              [&](int n) { return n == 2 ? fault : Fault::kNone; });
    expect_nothing_missing(remote(faulty));
  }

  /// From the third request on all go wrong in this way: what is missing is the SLM's, and counted.
  void expect_slm_stands(Fault fault, const std::string& why, milliseconds timeout) {
    start();
    const FaultyServer faulty(server_->port(),
                              [&](int n) { return n >= 2 ? fault : Fault::kNone; });
    std::int64_t unanswered = 0;
    for (const Answer& answer : write(remote(faulty, timeout), options(0.9))) {
      unanswered += answer.counters.unanswered;
      const auto marked = std::count_if(answer.tokens.begin(), answer.tokens.end(),
                                        [](const TokenRecord& token) { return token.unanswered; });
      EXPECT_EQ(marked, answer.counters.unanswered);
      EXPECT_THAT(answer.llm_fault,
                  answer.counters.unanswered > 0 ? HasSubstr(why) : HasSubstr(""));
    }
    EXPECT_GT(unanswered, 0);
    expect_refusal(why);
  }
};

TEST_F(RemoteFaults, AConnectionThatEnds) { expect_healed(Fault::kClosed); }
TEST_F(RemoteFaults, HalfAnAnswer) { expect_healed(Fault::kHalf); }
TEST_F(RemoteFaults, Garbage) { expect_healed(Fault::kGarbage); }
TEST_F(RemoteFaults, ASenselessAnswer) { expect_healed(Fault::kSenseless); }
TEST_F(RemoteFaults, AnAnswerForOtherSessions) { expect_healed(Fault::kSwapped); }
TEST_F(RemoteFaults, BusyForASecond) { expect_healed(Fault::kBusy); }
TEST_F(RemoteFaults, Unavailable) { expect_healed(Fault::kUnavailable); }

TEST_F(RemoteFaults, AStall) {
  expect_slm_stands(Fault::kStall, "no answer in time", milliseconds(300));
}
TEST_F(RemoteFaults, AKeyThatIsNoLongerTaken) {
  expect_slm_stands(Fault::kRefused, "HTTP 401: no valid API key", milliseconds(20'000));
}
TEST_F(RemoteFaults, AServerThatStaysAway) {
  expect_slm_stands(Fault::kClosed, "no answer in time", milliseconds(300));
}

TEST_F(RemoteFaults, WithoutTheLlmFromTheFirstTokenOnItIsTheSlmsText) {
  start();
  const FaultyServer faulty(server_->port(), [](int) { return Fault::kRefused; });
  for (const double threshold : {0.9, 1.0}) {
    for (const int pending : {1, 0}) {
      const std::vector<Answer> answers = write(remote(faulty), options(threshold, pending));
      const std::vector<std::string> alone = texts(*service_, options(0.0));
      for (std::size_t i = 0; i < answers.size(); ++i) {
        EXPECT_EQ(answers[i].text, alone[i]);
        EXPECT_EQ(answers[i].counters.llm_tokens, 0);
        EXPECT_GT(answers[i].counters.unanswered, 0);
      }
    }
  }
}

TEST_F(RemoteFaults, AServerThatIsRestartedInMidAnswer) {
  start();
  const std::vector<std::string> wanted = texts(*service_, options(0.9));
  const int port = server_->port();
  const FaultyServer faulty(port, [&](int n) {
    if (n != 4) return Fault::kNone;
    server_.reset();
    service_.reset();
    listen(port);
    return Fault::kNone;
  });
  const std::vector<Answer> answers = write(remote(faulty), options(0.9));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].text, wanted[i]);
    EXPECT_EQ(answers[i].counters.unanswered, 0) << answers[i].llm_fault;
  }
}

TEST_F(RemoteFaults, SessionsThatExpireAreSentAgain) {
  service_options_.session_idle = 0;
  start();
  const auto client = client_service({.url = server_->url(), .ahead = 0});
  EXPECT_EQ(texts(*client, options(0.9)), texts(*service_, options(0.9)));
  EXPECT_GT(metric("citer_decide_sessions_evicted_total"), 0);
}

TEST_F(RemoteFaults, FewerSessionsThanSequences) {
  service_options_.sessions = 2;
  start();
  const auto client = client_service({.url = server_->url(), .ahead = 0});
  EXPECT_EQ(texts(*client, options(0.9), 12), texts(*service_, options(0.9), 12));
}

TEST_F(RemoteFaults, AnotherVocabulary) {
  const TempDir folder;
  write_tiny_model(folder / "tiny.gguf", {});
  choose_bundled_pair();
  pair_.slm.path = pair_.llm.path = (folder / "tiny.gguf").string();
  pair_.routers.clear();
  listen();
  choose_bundled_pair();
  const std::string text = error_text<InputError>([&] { client_of(server_->url()); });
  EXPECT_THAT(text, HasSubstr(server_->url() + ": its vocabulary is not the SLM's: "));
  EXPECT_THAT(text, HasSubstr("token 259 is '"));
}

TEST_F(RemoteFaults, ACertificateThatNobodyKnows) {
  const TempDir folder;
  http_.ssl_cert_file = (folder / "cert.pem").string();
  http_.ssl_key_file = (folder / "key.pem").string();
  write_certificate(http_.ssl_cert_file, http_.ssl_key_file);
  start();
  const RemoteOptions remote{.url = server_->url(), .timeout = milliseconds(300)};
  EXPECT_THAT(error_text<InputError>([&] { client_service(remote); }),
              HasSubstr("SSL server verification failed"));
  RemoteOptions trusting = remote;
  trusting.timeout = milliseconds(20'000);
  trusting.ca_file = http_.ssl_cert_file;
  const auto client = client_service(trusting);
  EXPECT_EQ(texts(*client, options(0.9)), texts(*service_, options(0.9)));
}

TEST_F(RemoteFaults, KeysAtTheHandshake) {
  http_.api_keys = {"secret"};
  start();
  RemoteOptions remote{.url = server_->url()};
  EXPECT_THAT(error_text<InputError>([&] { client_service(remote); }), HasSubstr("HTTP 401"));
  remote.api_key = "secret";
  EXPECT_EQ(texts(*client_service(remote), options(0.9), 1), texts(*service_, options(0.9), 1));
}

TEST_F(RemoteFaults, NoServerAndNoAddress) {
  choose_bundled_pair();
  const RemoteOptions nobody{.url = "http://127.0.0.1:1", .timeout = milliseconds(200)};
  EXPECT_THAT(error_text<InputError>([&] { client_service(nobody); }),
              HasSubstr("http://127.0.0.1:1/v1/citer/llm: no answer in time"));
  EXPECT_THROW(make_remote_llm({.url = "ftp://host"}), UsageError);
  EXPECT_THROW(make_remote_llm({.url = "http://"}), UsageError);
  EXPECT_THROW(make_remote_llm({.url = "http://host:0"}), UsageError);
}

TEST_F(RemoteFaults, AServerWithoutSessionsSaysWhatIsMissing) {
  service_options_.sessions = 0;
  start();
  EXPECT_THAT(error_text<InputError>([&] { client_of(server_->url()); }),
              HasSubstr("holds no sessions"));
}

TEST_F(RemoteFaults, OfAllKindsAtRandomUnderLoad) {
  start();
  const std::vector<std::string> wanted = texts(*service_, options(0.9, 0));
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::minstd_rand random(seed + 1);
    std::mutex mutex;
    const FaultyServer faulty(server_->port(), [&](int) {
      constexpr std::array kKinds = {Fault::kClosed,    Fault::kHalf,   Fault::kGarbage,
                                     Fault::kSenseless, Fault::kStall,  Fault::kUnavailable,
                                     Fault::kRefused,   Fault::kSwapped};
      const std::lock_guard lock(mutex);
      if (random() % 4 != 0) return Fault::kNone;
      return kKinds[random() % kKinds.size()];
    });
    const std::vector<Answer> answers = write(remote(faulty, milliseconds(200)), options(0.9, 0));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      // Either nothing is missing, or it is counted.
      EXPECT_TRUE(answers[i].counters.unanswered > 0 || answers[i].text == wanted[i]);
      EXPECT_NE(answers[i].finish, FinishReason::kError);
    }
  }
}

TEST(Proxy, IsFoundByTheUsualVariables) {
  std::map<std::string, std::string> set;
  const auto proxy = [&](const std::string& scheme, const std::string& host) {
    return proxy_for(scheme, host, [&](const std::string& name) { return set[name]; });
  };
  EXPECT_EQ(proxy("http", "host"), "");
  set["HTTPS_PROXY"] = "http://secure:1";
  set["all_proxy"] = "http://all:2";
  EXPECT_EQ(proxy("https", "host"), "http://secure:1");
  EXPECT_EQ(proxy("http", "host"), "http://all:2");
  set["no_proxy"] = "localhost, .example.org,10.0.0.1";
  EXPECT_EQ(proxy("https", "localhost"), "");
  EXPECT_EQ(proxy("https", "llm.example.org"), "");
  EXPECT_EQ(proxy("https", "example.org"), "");
  EXPECT_EQ(proxy("https", "otherexample.org"), "http://secure:1");
  set["no_proxy"] = "*";
  EXPECT_EQ(proxy("http", "host"), "");
}

}  // namespace
}  // namespace citer::test
