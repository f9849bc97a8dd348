// Many requests of all kinds, many at once, some of which the client breaks off: no wrong answer,
// no sequence or memory that is lost. CITER_SOAK_REQUESTS says how many.
#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include "serve/program.h"

namespace citer {
namespace {

using test::kQuestion;

constexpr int kClients = 12;

class Soak {
 public:
  Soak() : server_({"-np", "4", "--queue", "64"}) {
    for (int i = 0; i < 6; ++i) {
      Json body = {{"prompt", kQuestion + std::string(static_cast<std::size_t>(i), ' ')},
                   {"max_tokens", 10 + 12 * i},
                   {"temperature", i % 2},
                   {"seed", i},
                   {"model", i % 3 == 0 ? "llm" : "citer"}};
      if (i == 5) body["stop"] = {"="};
      expected_.push_back(text_of(server_.client().Post("/v1/completions", body.dump(), kJson)));
      bodies_.push_back(std::move(body));
    }
  }

  /// One request of a random kind.
  void request(httplib::Client& client, std::mt19937& random) {
    const auto draw = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    const auto which = static_cast<std::size_t>(draw(static_cast<int>(bodies_.size())));
    Json body = bodies_[which];
    client.set_read_timeout(60);
    switch (draw(6)) {
      case 0:
      case 1:
        check(text_of(client.Post("/v1/completions", body.dump(), kJson)), expected_[which]);
        break;
      case 2:
        check(streamed_text(client, body), expected_[which]);
        break;
      case 3:
        abort_stream(client, body, draw(5));
        break;
      case 4:
        client.set_read_timeout(std::chrono::milliseconds(1 + draw(20)));
        body["model"] = "llm";
        body["n"] = 1 + draw(3);
        client.Post("/v1/completions", body.dump(), kJson);
        client.stop();
        break;
      default:
        send_wrong(client, draw(4));
    }
  }

  /// Sends `n` requests from several clients at once.
  void run(int n, unsigned seed) {
    std::atomic<int> left = n;
    std::vector<std::thread> clients;
    clients.reserve(kClients);
    for (unsigned c = 0; c < kClients; ++c) {
      clients.emplace_back([&, c] {
        std::mt19937 random(seed * kClients + c);
        httplib::Client client = server_.client();
        client.set_keep_alive(true);
        while (left-- > 0) request(client, random);
      });
    }
    for (std::thread& client : clients) client.join();
  }

  bool is_idle() const {
    for (int i = 0; i < 500; ++i) {
      const std::string page = server_.client().Get("/metrics")->body;
      if (page.find("\nciter_active_sequences 0\n") != std::string::npos &&
          page.find("\nciter_queued_requests 0\n") != std::string::npos) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  int wrong() const { return wrong_; }
  int right() const { return right_; }
  test::ServeProgram& server() { return server_; }

 private:
  static constexpr const char* kJson = "application/json";

  static std::string text_of(const httplib::Result& result) {
    if (!result || result->status != 200) return "no answer";
    return Json::parse(result->body)["choices"][0]["text"];
  }

  static std::string streamed_text(httplib::Client& client, Json body) {
    body["stream"] = true;
    const auto result = client.Post("/v1/completions", body.dump(), kJson);
    if (!result || !result->body.ends_with("data: [DONE]\n\n")) return "no answer";
    std::istringstream lines(result->body);
    std::string text;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("data: {")) continue;
      text += Json::parse(line.substr(6))["choices"][0]["text"].get<std::string>();
    }
    return text;
  }

  static void abort_stream(httplib::Client& client, Json body, int chunks) {
    body["stream"] = true;
    client.Post("/v1/completions", {}, body.dump(), kJson,
                [&](const char*, std::size_t) { return chunks-- > 0; });
    client.stop();
  }

  void send_wrong(httplib::Client& client, int kind) {
    const std::vector<std::pair<std::string, int>> bodies = {
        {"{\"prompt\":", 400},
        {R"({"prompt": "x", "model": "none"})", 404},
        {R"({"prompt": "x", "temperature": "hot"})", 400},
        {R"({"prompt": ")" + std::string(20000, 'x') + "\"}", 400}};
    const auto& [body, status] = bodies[static_cast<std::size_t>(kind)];
    const auto result = client.Post("/v1/completions", body, kJson);
    check(result ? std::to_string(result->status) : "no answer", std::to_string(status));
  }

  void check(const std::string& found, const std::string& expected) {
    ++(found == expected ? right_ : wrong_);
    if (found != expected) ADD_FAILURE() << "found: " << found << "\nexpected: " << expected;
  }

  test::ServeProgram server_;
  std::vector<Json> bodies_;
  std::vector<std::string> expected_;
  std::atomic<int> right_ = 0;
  std::atomic<int> wrong_ = 0;
};

TEST(Soak, LosesNothing) {
  const char* wish = std::getenv("CITER_SOAK_REQUESTS");
  const int n = wish == nullptr ? 300 : std::stoi(wish);
  Soak soak;
  soak.run(n / 2, 1);
  ASSERT_TRUE(soak.is_idle());
  const std::size_t before = soak.server().resident_bytes();
  soak.run(n - n / 2, 2);
  ASSERT_TRUE(soak.is_idle());
  const std::size_t after = soak.server().resident_bytes();
  EXPECT_EQ(soak.wrong(), 0);
  EXPECT_GT(soak.right(), n / 4);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they keep what was freed
  // The same work again takes no more memory, but for what allocators keep.
  EXPECT_LT(after, before + (std::size_t{16} << 20));
#endif
  EXPECT_EQ(soak.server().stop(SIGTERM), 0);
  RecordProperty("resident_before", std::to_string(before));
  RecordProperty("resident_after", std::to_string(after));
}

}  // namespace
}  // namespace citer
