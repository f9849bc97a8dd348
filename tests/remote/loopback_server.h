#pragma once

#include <httplib.h>

#include <string>
#include <thread>

#include <fmt/format.h>

namespace citer::test {

/// A server of a test's own on 127.0.0.1, from start() on.
class LoopbackServer {
 public:
  LoopbackServer() {
    server_.set_keep_alive_max_count(100000);
    server_.set_tcp_nodelay(true);
  }
  ~LoopbackServer() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  /// Where routes are added, before start().
  httplib::Server& routes() { return server_; }

  void start() {
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    server_.wait_until_ready();
  }

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace citer::test
