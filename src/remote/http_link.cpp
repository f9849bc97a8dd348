// The only file of this room that knows cpp-httplib.
#include "remote/http_link.h"

#include <httplib.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "base/stopwatch.h"
#include "base/text.h"
#include "citer/error.h"

namespace citer {

namespace {

struct Address {
  std::string scheme;
  std::string host;
  int port = 0;
  std::string path;  ///< before the API's; "" or "/..." without a last "/"
  std::string user;  ///< "NAME:PASSWORD", of a proxy
};

Address parse(const std::string& url) {
  const auto fail = [&] {
    throw UsageError(fmt::format("'{}': expected http://HOST:PORT or https://HOST:PORT", url));
  };
  Address address;
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) fail();
  address.scheme = lower(url.substr(0, scheme));
  if (address.scheme != "http" && address.scheme != "https") fail();
  std::string rest = url.substr(scheme + 3);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  address.path = rest.substr(slash);
  rest.resize(slash);
  if (const std::size_t at = rest.rfind('@'); at != std::string::npos) {
    address.user = rest.substr(0, at);
    rest.erase(0, at + 1);
  }
  const std::size_t bracket = rest.rfind(']');
  const std::size_t colon = rest.rfind(':');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  address.port = address.scheme == "https" ? 443 : 80;
  if (has_port) {
    const char* end = rest.data() + rest.size();
    const auto [parsed, error] = std::from_chars(rest.data() + colon + 1, end, address.port);
    if (error != std::errc{} || parsed != end || address.port < 1 || address.port > 65535) fail();
    rest.resize(colon);
  }
  address.host = rest.starts_with('[') ? rest.substr(1, rest.size() - 2) : rest;
  if (address.host.empty()) fail();
  while (address.path.ends_with('/')) address.path.pop_back();
  if (address.path.ends_with("/v1")) address.path.resize(address.path.size() - 3);
  return address;
}

std::string origin_of(const Address& address) {
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  return fmt::format("{}://{}:{}", address.scheme,
                     is_ipv6 ? "[" + address.host + "]" : address.host, address.port);
}

/// Whether a host is one of those, comma-separated, that no proxy is for.
bool is_excepted(std::string_view host, std::string_view list) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view entry = trim(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (entry == "*") return true;
    if (entry.starts_with('.')) entry.remove_prefix(1);
    if (entry.empty()) continue;
    const bool is_inside = host.ends_with(entry) && host.size() > entry.size() &&
                           host[host.size() - entry.size() - 1] == '.';
    if (host == entry || is_inside) return true;
  }
  return false;
}

std::string environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

/// Seconds, as servers give them; dates are not understood.
double retry_after(const httplib::Response& response) {
  const std::string text = response.get_header_value("Retry-After");
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::max(seconds, 0);
}

}  // namespace

std::string proxy_for(const std::string& scheme, const std::string& host,
                      const std::function<std::string(const std::string&)>& variable) {
  const auto either = [&](std::string name) {
    std::string value = variable(name);
    if (!value.empty()) return value;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return variable(name);
  };
  if (is_excepted(host, either("no_proxy"))) return "";
  const std::string proxy = either(scheme + "_proxy");
  return proxy.empty() ? either("all_proxy") : proxy;
}

struct HttpLink::Impl {
  Impl(const RemoteOptions& options, LinkCounters& c)
      : address(parse(options.url)), counters(&c), client(origin_of(address)) {
    client.set_keep_alive(true);
    client.set_tcp_nodelay(true);
    client.set_decompress(true);
    client.set_path_encode(false);
    if (!options.ca_file.empty()) {
      std::error_code error;
      if (!std::filesystem::is_regular_file(options.ca_file, error)) {
        throw InputError(fmt::format("{}: no file of certificates", options.ca_file));
      }
      client.set_ca_cert_path(options.ca_file);
    }
    if (!options.api_key.empty()) client.set_bearer_token_auth(options.api_key);
    const std::string proxy = proxy_for(address.scheme, address.host, environment);
    if (proxy.empty()) return;
    const Address at = parse(proxy.find("://") == std::string::npos ? "http://" + proxy : proxy);
    client.set_proxy(at.host, at.port);
    const std::size_t colon = std::min(at.user.find(':'), at.user.size());
    if (!at.user.empty()) {
      client.set_proxy_basic_auth(at.user.substr(0, colon),
                                  at.user.substr(std::min(colon + 1, at.user.size())));
    }
  }

  template <typename Send>
  LinkReply exchange(std::size_t sent, std::chrono::milliseconds limit, const Send& send) {
    client.set_connection_timeout(limit);
    client.set_read_timeout(limit);
    client.set_write_timeout(limit);
    client.set_max_timeout(limit);
    const Stopwatch watch;
    const httplib::Result result = send();
    LinkReply reply;
    counters->bytes_sent += static_cast<std::int64_t>(sent);
    if (!result) {
      reply.fault = httplib::to_string(result.error());
      client.stop();  // what may still come on this connection is no answer to another request
      return reply;
    }
    reply.status = result->status;
    reply.body = result->body;
    reply.retry_after = retry_after(*result);
    counters->bytes_received += static_cast<std::int64_t>(reply.body.size());
    if (reply.status / 100 == 2) {
      ++counters->trips;
      constexpr double kMicro = 1e6;
      counters->microseconds += static_cast<std::int64_t>(kMicro * watch.seconds());
    }
    return reply;
  }

  Address address;
  LinkCounters* counters;
  httplib::Client client;
};

HttpLink::HttpLink(const RemoteOptions& options, LinkCounters& counters)
    : impl_(std::make_unique<Impl>(options, counters)) {}
HttpLink::~HttpLink() = default;
HttpLink::HttpLink(HttpLink&&) noexcept = default;
HttpLink& HttpLink::operator=(HttpLink&&) noexcept = default;

LinkReply HttpLink::get(const std::string& path, std::chrono::milliseconds limit) {
  return impl_->exchange(0, limit, [&] { return impl_->client.Get(impl_->address.path + path); });
}

LinkReply HttpLink::post(const std::string& path, const std::string& json,
                         std::chrono::milliseconds limit) {
  return impl_->exchange(json.size(), limit, [&] {
    return impl_->client.Post(impl_->address.path + path, json, "application/json");
  });
}

}  // namespace citer
