#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "remote/options.h"

namespace citer {

/// What was sent and came back, of all links to a server. Any thread may count.
struct LinkCounters {
  std::atomic<std::int64_t> trips = 0;
  std::atomic<std::int64_t> retries = 0;
  std::atomic<std::int64_t> bytes_sent = 0;
  std::atomic<std::int64_t> bytes_received = 0;
  std::atomic<std::int64_t> microseconds = 0;
};

/// What came of one request.
struct LinkReply {
  int status = 0;  ///< 0: no response
  std::string body{};
  double retry_after = 0.0;  ///< seconds that the server asks to be left alone; 0: it does not
  std::string fault{};       ///< why there was no whole response
};

/// One connection to a server, which is kept. One thread at a time.
class HttpLink {
 public:
  /// The counters must outlive it. Throws UsageError for what is no URL, InputError for a
  /// certificate file that cannot be read.
  HttpLink(const RemoteOptions& options, LinkCounters& counters);
  ~HttpLink();
  HttpLink(HttpLink&&) noexcept;
  HttpLink& operator=(HttpLink&&) noexcept;

  /// A request whose whole response comes within `limit`, or else is given up.
  LinkReply get(const std::string& path, std::chrono::milliseconds limit);
  LinkReply post(const std::string& path, const std::string& json, std::chrono::milliseconds limit);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The proxy for an address by the variables that curl knows (https_proxy, http_proxy, all_proxy,
/// no_proxy, in lower or upper case); "": none.
std::string proxy_for(const std::string& scheme, const std::string& host,
                      const std::function<std::string(const std::string&)>& variable);

}  // namespace citer
