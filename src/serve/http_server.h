#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "citer/service.h"
#include "serve/api.h"
#include "serve/model_host.h"
#include "serve/page.h"

namespace citer {

struct HttpOptions {
  std::string host = "127.0.0.1";
  int port = 8080;                        ///< 0: a free one
  std::vector<std::string> api_keys;      ///< any of them opens the API; empty: it is open
  std::vector<std::string> cors_origins;  ///< origins of pages that may call; "*": any
  std::string ssl_cert_file;              ///< PEM; with ssl_key_file: TLS
  std::string ssl_key_file;
  int threads = 128;                               ///< connections that are served at once
  std::size_t body_limit = std::size_t{16} << 20;  ///< bytes
  /// Gets a line of JSON about each request, when it has been answered: request_log_line(). Called
  /// by any thread.
  std::function<void(const std::string&)> on_request{};
  bool log_bodies = false;  ///< what was asked stands in these lines, too
  bool has_page = true;     ///< the chat at /
  /// Gets a line about each request that failed by no fault of its own. Called by any thread.
  std::function<void(const std::string&)> on_fault;
};

/// The HTTP side of the server. Listens from start() on; answers 503 until serve() says which
/// service there is.
class HttpServer {
 public:
  /// Throws UsageError (one of certificate and key without the other), InputError (they cannot be
  /// used).
  explicit HttpServer(HttpOptions options);
  /// Ends all connections.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Throws ResourceError when the address cannot be had.
  void start();
  int port() const;
  /// "http://host:port"
  std::string url() const;

  /// Answers by one service, or by the models of a host, which must outlive the server. To be
  /// called once. Throws as Api's constructor does.
  void serve(Service& service, const ApiOptions& options);
  void serve(ModelHost& host, const std::string& version);
  /// Instead of an API another page than the chat, and every other GET by `answer`. To be called
  /// before start().
  void serve(std::span<const PageFile> page, std::function<HttpReply(const HttpRequest&)> answer);

  /// Refuses new requests, saying why, and waits until those that are there have been answered to
  /// the last byte, at most `limit`; then ends them with 503, and all connections. Whether they
  /// were answered.
  bool drain(std::chrono::milliseconds limit,
             const std::string& why = "the server is shutting down");

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace citer
