// What HTTP adds: routes, keys, origins, limits, and clients that misbehave.
#include <sys/socket.h>

#include <netinet/in.h>
#include <unistd.h>

#include <thread>

#include "base/file.h"
#include "serve/certificate.h"
#include "serve/server.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

using test::error_of;
using test::kQuestion;
using test::write_certificate;
using testing::HasSubstr;

class HttpServerTest : public test::ServerTest {
 protected:
  /// Sends bytes as they are and gives what comes back until the server closes or a second passes.
  std::string send_raw(const std::string& bytes) const {
    const int fd = connect_raw();
    send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    std::string reply;
    std::array<char, 4096> buffer{};
    for (ssize_t n; (n = recv(fd, buffer.data(), buffer.size(), 0)) > 0;) {
      reply.append(buffer.data(), static_cast<std::size_t>(n));
    }
    close(fd);
    return reply;
  }

  int connect_raw() const {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const timeval second{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(server_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  /// The server still answers.
  void expect_alive() const {
    EXPECT_EQ(text_of({{"prompt", kQuestion}, {"max_tokens", 1}}), " The");
  }
};

TEST_F(HttpServerTest, HealthFollowsTheServersLife) {
  http_.port = 0;
  server_ = std::make_unique<HttpServer>(http_);
  server_->start();
  EXPECT_EQ(error_of(client().Get("/health"), 503)["code"], "loading");
  EXPECT_EQ(error_of(client().Get("/v1/models"), 503)["code"], "loading");
  start();
  const auto result = client().Get("/health");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(Json::parse(result->body), Json::parse(R"({"status": "ok"})"));
}

TEST_F(HttpServerTest, FormsAreRefusedAndTheConnectionGoesOn) {
  start();
  httplib::Client keeps = client();
  keeps.set_keep_alive(true);
  const std::string type = "multipart/form-data; boundary=x";
  const std::string form =
      "--x\r\nContent-Disposition: form-data; name=\"file\"; "
      "filename=\"a.txt\"\r\n\r\nhello\r\n--x--\r\n";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(error_of(keeps.Post("/v1/audio/transcriptions", form, type), 404)["code"],
              "not_found");
    for (const char* route : {"/v1/chat/completions", "/v1/completions", "/tokenize"}) {
      EXPECT_EQ(error_of(keeps.Post(route, form, type), 415)["code"], "unsupported_media_type");
    }
    EXPECT_EQ(error_of(keeps.Post("/v1/models", form, type), 405)["code"], "method_not_allowed");
  }
  error_of(keeps.Post("/v1/completions", "no form", type), 415);
  error_of(keeps.Post("/v1/completions", form, "multipart/form-data"), 415);
  expect_alive();
}

TEST_F(HttpServerTest, UnknownRoutesAndMethods) {
  start();
  EXPECT_EQ(error_of(client().Get("/v2/models"), 404)["code"], "not_found");
  for (const char* path : {"/v1/embeddings", "/v1/rerank", "/reranking", "/embedding"}) {
    const Json error = error_of(post(path, {{"input", "x"}}), 501);
    EXPECT_EQ(error["type"], "not_supported_error");
    EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("write text"));
  }
  EXPECT_EQ(error_of(post("/infill", {{"prompt", "x"}, {"n_predict", 2}}), 404)["code"],
            "not_found");
  EXPECT_EQ(error_of(post("/completions", {{"prompt", "x"}, {"n_indent", 2}}), 400)["param"],
            "n_indent");
  EXPECT_EQ(error_of(client().Get("/v1/completions"), 405)["code"], "method_not_allowed");
  EXPECT_EQ(error_of(client().Delete("/v1/models"), 405)["code"], "method_not_allowed");
  EXPECT_EQ(error_of(post("/health", {}), 405)["code"], "method_not_allowed");
  EXPECT_EQ(error_of(client().Get("/../../etc/passwd"), 404)["code"], "not_found");
  const auto head = client().Head("/health");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
}

TEST_F(HttpServerTest, Keys) {
  http_.api_keys = {"first", "second"};
  start();
  EXPECT_EQ(client().Get("/health")->status, 200);
  EXPECT_EQ(error_of(client().Get("/v1/models"), 401)["code"], "invalid_api_key");
  EXPECT_EQ(error_of(client().Get("/metrics"), 401)["type"], "authentication_error");
  for (const char* wrong : {"Bearer", "Bearer firs", "Bearer firstt", "Basic first"}) {
    error_of(client().Get("/v1/models", {{"Authorization", wrong}}), 401);
  }
  for (const char* right : {"Bearer first", "Bearer second"}) {
    EXPECT_EQ(client().Get("/v1/models", {{"Authorization", right}})->status, 200);
  }
  EXPECT_EQ(client().Get("/v1/models", {{"X-Api-Key", "second"}})->status, 200);
  error_of(client().Get("/v1/models", {{"X-Api-Key", "secon"}}), 401);
  error_of(post("/v1/completions", {{"prompt", std::string(100000, 'x')}}), 401);
}

TEST_F(HttpServerTest, RequestsHaveNames) {
  start();
  const auto id = [&](const httplib::Headers& headers) {
    return client().Get("/v1/models", headers)->get_header_value("X-Request-Id");
  };
  EXPECT_THAT(id({}), testing::MatchesRegex("req-[0-9a-f]{24}"));
  EXPECT_NE(id({}), id({}));
  EXPECT_EQ(id({{"X-Request-Id", "mine"}}), "mine");
  EXPECT_THAT(id({{"X-Request-Id", std::string(129, 'x')}}), testing::StartsWith("req-"));
  EXPECT_NE(error_of(client().Get("/none"), 404), Json());
}

TEST_F(HttpServerTest, Origins) {
  http_.cors_origins = {"https://a.example"};
  http_.api_keys = {"key"};
  start();
  const auto preflight =
      client().Options("/v1/chat/completions",
                       {{"Origin", "https://a.example"},
                        {"Access-Control-Request-Method", "POST"},
                        {"Access-Control-Request-Headers", "authorization, x-stainless-os"}});
  ASSERT_TRUE(preflight);
  EXPECT_EQ(preflight->status, 204);
  EXPECT_EQ(preflight->get_header_value("Access-Control-Allow-Origin"), "https://a.example");
  EXPECT_EQ(preflight->get_header_value("Access-Control-Allow-Headers"),
            "authorization, x-stainless-os");
  // Errors, too, or a page could not read them.
  const auto refused = client().Get("/v1/models", {{"Origin", "https://a.example"}});
  EXPECT_EQ(refused->status, 401);
  EXPECT_EQ(refused->get_header_value("Access-Control-Allow-Origin"), "https://a.example");
  const auto other = client().Get("/health", {{"Origin", "https://b.example"}});
  EXPECT_FALSE(other->has_header("Access-Control-Allow-Origin"));
}

/// A browser sends such a request without asking, though it hides the answer.
TEST_F(HttpServerTest, PagesOfOtherOriginsMakeNothingWrite) {
  http_.cors_origins = {"https://a.example"};
  start();
  const auto status_from = [&](const std::string& origin) {
    return client()
        .Post("/v1/completions", {{"Origin", origin}}, R"({"prompt": "x", "max_tokens": 1})",
              "text/plain")
        ->status;
  };
  EXPECT_EQ(status_from("https://b.example"), 403);
  EXPECT_EQ(status_from("null"), 403) << "a page from a file";
  EXPECT_EQ(status_from("https://a.example"), 200);
  EXPECT_EQ(status_from("http://127.0.0.1:" + std::to_string(server_->port())), 200);
}

TEST_F(HttpServerTest, AnyOrigin) {
  http_.cors_origins = {"*"};
  start();
  EXPECT_EQ(client()
                .Get("/health", {{"Origin", "https://b.example"}})
                ->get_header_value("Access-Control-Allow-Origin"),
            "*");
}

TEST_F(HttpServerTest, MalformedBodies) {
  start();
  for (const char* body : {"", "{", "null", "[1]", "{\"prompt\": \"\xff\"}",
                           "{\"prompt\": \"\\ud800\"}", "\xef\xbb\xbf", "{\"prompt\": 1e999}"}) {
    error_of(client().Post("/v1/completions", body, "application/json"), 400);
  }
  // Whatever it says it is: what counts is that it is JSON.
  EXPECT_EQ(
      client().Post("/v1/completions", R"({"prompt": "x", "max_tokens": 1})", "text/plain")->status,
      200);
  expect_alive();
}

TEST_F(HttpServerTest, LargeBodies) {
  start();
  const std::string large(100 << 20, ' ');
  const auto result = client().Post("/v1/completions", large, "application/json");
  // The server may hang up before the client has sent it all.
  if (result) {
    EXPECT_EQ(error_of(result, 413)["code"], "payload_too_large");
  }

  std::size_t sent = 0;
  const auto chunked = client().Post(
      "/v1/completions",
      [&](std::size_t, httplib::DataSink& sink) {
        if (sent >= large.size()) sink.done();
        sent += 1 << 20;
        return sink.write(large.data(), 1 << 20);
      },
      "application/json");
  if (chunked) {
    error_of(chunked, 413);
  }
  EXPECT_LT(sent, large.size());
  expect_alive();
}

TEST_F(HttpServerTest, RequestsThatAreNoHttp) {
  start();
  EXPECT_THAT(send_raw("GET\r\n\r\n"), HasSubstr("400"));
  EXPECT_THAT(send_raw("GET /" + std::string(20000, 'x') + " HTTP/1.1\r\n\r\n"), HasSubstr("414"));
  std::string headers = "GET /health HTTP/1.1\r\n";
  for (int i = 0; i < 1000; ++i)
    headers += "X-H" + std::to_string(i) + ": " + std::string(900, 'x') + "\r\n";
  EXPECT_THAT(send_raw(headers + "\r\n"), testing::Not(HasSubstr("200 OK")));
  EXPECT_THAT(send_raw(std::string(1 << 20, '\0')), testing::Not(HasSubstr("200 OK")));
  EXPECT_THAT(send_raw("POST /v1/completions HTTP/1.1\r\nContent-Length: -5\r\n\r\n{}"),
              testing::Not(HasSubstr("200 OK")));
  EXPECT_THAT(send_raw("POST /v1/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
              testing::Not(HasSubstr("200 OK")));
  expect_alive();
}

TEST_F(HttpServerTest, HalfOpenConnectionsStallNobody) {
  start();
  std::vector<int> connections;
  connections.reserve(50);
  for (int i = 0; i < 50; ++i) {
    connections.push_back(connect_raw());
    const std::string half = "POST /v1/completions HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{";
    send(connections.back(), half.data(), half.size(), MSG_NOSIGNAL);
  }
  const auto start_time = std::chrono::steady_clock::now();
  expect_alive();
  EXPECT_LT(std::chrono::steady_clock::now() - start_time, std::chrono::seconds(2));
  for (const int fd : connections) close(fd);
}

TEST_F(HttpServerTest, Tls) {
  const test::TempDir folder;
  http_.ssl_cert_file = (folder / "cert.pem").string();
  http_.ssl_key_file = (folder / "key.pem").string();
  write_certificate(http_.ssl_cert_file, http_.ssl_key_file);
  start();
  EXPECT_THAT(server_->url(), testing::StartsWith("https://"));
  httplib::SSLClient client("127.0.0.1", server_->port());
  client.set_connection_timeout(0, 900'000);
  client.enable_server_certificate_verification(false);
  const auto result = client.Post(
      "/v1/completions", Json{{"prompt", kQuestion}, {"max_tokens", 1}}.dump(), "application/json");
  ASSERT_TRUE(result) << to_string(result.error());
  EXPECT_EQ(Json::parse(result->body)["choices"][0]["text"], " The");
  EXPECT_FALSE(this->client().Get("/health"));  // no TLS, no answer
}

TEST_F(HttpServerTest, CertificatesThatCannotBeUsed) {
  EXPECT_THROW(HttpServer({.ssl_cert_file = "only.pem"}), UsageError);
  EXPECT_THROW(HttpServer({.ssl_cert_file = "none.pem", .ssl_key_file = "none.pem"}), InputError);
}

TEST_F(HttpServerTest, AnAddressInUseIsAnError) {
  start();
  HttpOptions same = http_;
  same.port = server_->port();
  HttpServer second(same);
  EXPECT_THROW(second.start(), ResourceError);
}

}  // namespace
}  // namespace citer
