#pragma once

// A server in this process, on the bundled pair, and a client.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <memory>
#include <string>
#include <vector>

#include "serve/http_server.h"
#include "serve/json_fields.h"

namespace citer::test {

inline const std::string kQuestion =
    "Question: Xenia has 136 dollars. She spends 29 dollars on badges and 39 dollars on shells. "
    "How "
    "many dollars does Xenia keep?\nSolution:";

/// A client of a server on this machine.
inline httplib::Client local_client(int port) {
  httplib::Client client("127.0.0.1", port);
  client.set_read_timeout(60);
  // With a second or more the library resolves names in a thread of libc's own, which TSan does not
  // know.
  client.set_connection_timeout(0, 900'000);
  return client;
}

class ServerTest : public testing::Test {
 protected:
  /// Loads the pair and listens. Changes to the options come before.
  void start() {
    choose_bundled_pair();
    listen();
  }

  /// The same with a chat template that takes tools.
  void start_with_tools() {
    service_options_.context.context_size = 2048;
    pair_.chat.template_file = CITER_SOURCE_DIR "/tests/serve/tools.jinja";
    start();
  }

  void choose_bundled_pair() {
    const std::string models = CITER_SOURCE_DIR "/models/demo/";
    pair_.slm = {.path = models + "slm.gguf", .threads = 1};
    pair_.llm = {.path = models + "llm.gguf", .threads = 1};
    if (pair_.routers.empty()) pair_.routers = {models + "router-citer.gguf"};
  }

  /// On a port, or 0: any.
  void listen(int port = 0) {
    // Answers that are written together are those written alone: no flash attention.
    service_options_.context.flash_attention = "off";
    http_.port = port;
    service_ = std::make_unique<Service>(std::make_shared<Pair>(pair_), service_options_);
    server_ = std::make_unique<HttpServer>(http_);
    server_->start();
    server_->serve(*service_, api_);
  }

  httplib::Client client() const { return local_client(server_->port()); }

  httplib::Result post(const std::string& path, const Json& body) const {
    return client().Post(path, body.dump(), "application/json");
  }

  /// Posts to success.
  Json answer(const std::string& path, const Json& body) const {
    const httplib::Result result = post(path, body);
    EXPECT_TRUE(result) << to_string(result.error());
    if (!result) return {};
    EXPECT_EQ(result->status, 200) << result->body;
    return Json::parse(result->body);
  }

  std::string text_of(const Json& body) const {
    return answer("/v1/completions", body)["choices"][0]["text"];
  }

  /// The data of a stream's events, "[DONE]" included.
  std::vector<std::string> events(const std::string& path, Json body) const {
    body["stream"] = true;
    const httplib::Result result = post(path, body);
    EXPECT_TRUE(result && result->status == 200);
    std::vector<std::string> events;
    if (!result) return events;
    EXPECT_THAT(result->get_header_value("Content-Type"), testing::StartsWith("text/event-stream"));
    std::size_t at = 0;
    for (std::size_t end; (end = result->body.find("\n\n", at)) != std::string::npos;
         at = end + 2) {
      const std::string event = result->body.substr(at, end - at);
      EXPECT_THAT(event, testing::StartsWith("data: "));
      events.push_back(event.substr(6));
    }
    EXPECT_EQ(at, result->body.size());
    return events;
  }

  /// A sample of /metrics.
  double metric(const std::string& sample) const {
    const httplib::Result result = client().Get("/metrics");
    const std::string page = result ? result->body : "";
    const std::size_t at = page.find("\n" + sample + " ");
    if (at == std::string::npos) return -1;
    return std::stod(page.substr(at + sample.size() + 2));
  }

  /// Whether a sample gets a value within some seconds.
  bool becomes(const std::string& sample, double value) const {
    for (int i = 0; i < 500; ++i) {
      if (metric(sample) == value) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  PairOptions pair_;
  ServiceOptions service_options_{.context = {.context_size = 512, .sequences = 4},
                                  .queue_limit = 256};
  HttpOptions http_;
  ApiOptions api_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<HttpServer> server_;
};

/// A text that a stream's delta may leave out, or not have yet (null).
inline std::string text_in(const Json& delta, const char* name) {
  return delta.contains(name) && delta[name].is_string() ? delta[name].get<std::string>() : "";
}

/// The error object of a response, which must have this status.
inline Json error_of(const httplib::Result& result, int status) {
  EXPECT_TRUE(result) << to_string(result.error());
  if (!result) return {};
  EXPECT_EQ(result->status, status) << result->body;
  EXPECT_THAT(result->get_header_value("Content-Type"), testing::StartsWith("application/json"));
  Json error = Json::parse(result->body, nullptr, false)["error"];
  for (const char* key : {"code", "message", "type", "param"}) {
    EXPECT_TRUE(error.contains(key)) << result->body;
  }
  return error;
}

}  // namespace citer::test
