// The only file of this room that knows cpp-httplib.
#include "hub/http.h"

#include <httplib.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "citer/error.h"

namespace citer {

namespace {

constexpr int kRedirects = 10;
constexpr int kConnectSeconds = 15;
constexpr int kSilentSeconds = 30;  // without a byte

struct Url {
  std::string origin;  ///< "https://host:port"
  std::string path;    ///< from its first '/', query included
};

Url split_url(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const bool known = url.starts_with("http://") || url.starts_with("https://");
  const std::size_t slash = known ? url.find('/', scheme + 3) : std::string::npos;
  Url parts{url.substr(0, slash), slash == std::string::npos ? "/" : url.substr(slash)};
  parts.path.resize(std::min(parts.path.size(), parts.path.find('#')));
  if (!known || parts.origin.size() <= scheme + 3) {
    throw UsageError(fmt::format("'{}': expected a URL, http://... or https://...", url));
  }
  return parts;
}

HttpHead head_of(const httplib::Response& response) {
  HttpHead head{.status = response.status};
  for (const auto& [name, value] : response.headers) head.headers.emplace(lower(name), value);
  return head;
}

bool is_redirect(const HttpHead& head) {
  constexpr int kNotModified = 304;
  return head.status / 100 == 3 && head.status != kNotModified && !head.header("location").empty();
}

/// Where a redirect leads.
std::string target(const Url& from, const std::string& location) {
  if (location.starts_with("//")) return from.origin.substr(0, from.origin.find('/')) + location;
  return location.starts_with('/') ? from.origin + location : location;
}

HttpHead get_once(const HttpGet& get, const Url& url, bool with_token) {
  httplib::Client client(url.origin);
  client.set_connection_timeout(kConnectSeconds);
  client.set_read_timeout(kSilentSeconds);
  client.set_path_encode(false);
  client.set_decompress(false);
  httplib::Headers headers = {{"User-Agent", "citer"}, {"Accept-Encoding", "identity"}};
  for (const auto& [name, value] : get.headers) headers.emplace(name, value);
  if (with_token) headers.emplace("Authorization", "Bearer " + get.token);

  HttpHead head;
  bool given_up = false;
  const auto result = client.Get(
      url.path, headers,
      [&](const httplib::Response& response) {
        head = head_of(response);
        given_up = is_redirect(head) || (get.on_head && !get.on_head(head));
        return !given_up;
      },
      [&](const char* bytes, std::size_t n) {
        given_up = get.on_bytes && !get.on_bytes({bytes, n});
        return !given_up;
      });
  if (!result && !given_up) head.fault = httplib::to_string(result.error());
  return head;
}

}  // namespace

std::string HttpHead::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

HttpHead http_get(const HttpGet& get) {
  Url url = split_url(get.url);
  const std::string home = url.origin;
  HttpHead head;
  for (int redirects = 0; redirects <= kRedirects; ++redirects) {
    head = get_once(get, url, !get.token.empty() && url.origin == home);
    if (!is_redirect(head)) return head;
    const Url next = split_url(target(url, head.header("location")));
    if (url.origin.starts_with("https:") && !next.origin.starts_with("https:")) {
      throw InputError(
          fmt::format("{}: refused: it redirects from https to {}", get.url, next.origin));
    }
    url = next;
  }
  throw InputError(fmt::format("{}: more than {} redirects", get.url, kRedirects));
}

std::string encode_path(std::string_view path) {
  std::string encoded;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (std::isalnum(byte) != 0 && byte < 0x80) ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return encoded;
}

}  // namespace citer
