#pragma once

// Stands before a server of ours and lets requests to it go wrong.

#include <httplib.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "remote/loopback_server.h"

namespace citer::test {

/// Passes requests on to 127.0.0.1:upstream, unless the plan has something else for them.
class FaultyServer {
 public:
  enum class Fault {
    kNone,
    kClosed,       ///< the connection ends without a response
    kHalf,         ///< the response breaks off; the server has done its part
    kGarbage,      ///< bytes that are no JSON
    kSenseless,    ///< JSON that is no answer
    kStall,        ///< nothing comes for a second
    kBusy,         ///< 429 with Retry-After: 1
    kUnavailable,  ///< 503
    kRefused,      ///< 401
    kSwapped,      ///< the answer names other sessions
  };
  /// What becomes of the n-th request to decide, from 0 on.
  using Plan = std::function<Fault(int n)>;

  /// `text_alone`: it completes texts, which is to decide, lists its models, and can nothing else.
  FaultyServer(int upstream, Plan plan, bool text_alone = false)
      : upstream_(upstream), plan_(std::move(plan)), text_alone_(text_alone) {
    const auto handler = [this](const httplib::Request& request, httplib::Response& response) {
      handle(request, response);
    };
    server_.routes().Get(".*", handler);
    server_.routes().Post(".*", handler);
    server_.start();
  }
  ~FaultyServer() { stopping_ = true; }
  FaultyServer(const FaultyServer&) = delete;
  FaultyServer& operator=(const FaultyServer&) = delete;

  std::string url() const { return server_.url(); }
  /// Requests to decide that came.
  int decides() const { return decides_; }

 private:
  void handle(const httplib::Request& request, httplib::Response& response) {
    const bool is_decide = request.path == (text_alone_ ? "/v1/completions" : "/v1/citer/decide");
    if (text_alone_ && !is_decide && request.path != "/v1/models") {
      return refuse(404, "no such route", response);
    }
    const Fault fault = is_decide ? plan_(decides_++) : Fault::kNone;
    switch (fault) {
      case Fault::kClosed:
        return break_off("", response);
      case Fault::kGarbage:
        return response.set_content("\x01\xff garbage", "application/json");
      case Fault::kSenseless:
        return response.set_content(R"({"sessions":[{"decisions":3}]})", "application/json");
      case Fault::kStall:
        for (int i = 0; i < 100 && !stopping_; ++i) {
          std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return;
      case Fault::kBusy:
        response.set_header("Retry-After", "1");
        return refuse(429, "too many requests", response);
      case Fault::kUnavailable:
        return refuse(503, "loading", response);
      case Fault::kRefused:
        return refuse(401, "no valid API key", response);
      default:
        pass_on(request, fault, response);
    }
  }

  static void refuse(int status, const std::string& message, httplib::Response& response) {
    response.status = status;
    response.set_content(fmt::format(R"({{"error":{{"message":"{}"}}}})", message),
                         "application/json");
  }

  /// Announces more than it sends.
  static void break_off(const std::string& body, httplib::Response& response) {
    auto sent = std::make_shared<bool>(false);
    response.set_content_provider(body.size() + 100, "application/json",
                                  [body, sent](std::size_t, std::size_t, httplib::DataSink& sink) {
                                    if (*sent || body.empty()) return false;
                                    *sent = true;
                                    return sink.write(body.data(), body.size());
                                  });
  }

  void pass_on(const httplib::Request& request, Fault fault, httplib::Response& response) {
    httplib::Client client("127.0.0.1", upstream_);
    client.set_connection_timeout(0, 900'000);
    client.set_tcp_nodelay(true);
    const auto result = request.method == "GET"
                            ? client.Get(request.path)
                            : client.Post(request.path, request.body, "application/json");
    if (!result) return break_off("", response);
    std::string body = result->body;
    if (fault == Fault::kHalf) return break_off(body.substr(0, body.size() / 2), response);
    if (fault == Fault::kSwapped) {
      const std::string name = "\"session\":\"";
      for (std::size_t at = 0; (at = body.find(name, at)) != std::string::npos; ++at) {
        body[at + name.size()] = 'x';
      }
    }
    response.status = result->status;
    response.set_content(body, "application/json");
  }

  int upstream_;
  Plan plan_;
  bool text_alone_;
  std::atomic<int> decides_ = 0;
  std::atomic<bool> stopping_ = false;
  LoopbackServer server_;  ///< ends before what its routes use
};

}  // namespace citer::test
