#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace citer {

/// What a response says before its body.
struct HttpHead {
  int status = 0;  ///< 0: there was no response
  /// By names in lower case; of several with one name the first.
  std::map<std::string, std::string> headers{};
  /// Why there was no response, or not all of it; "": it came whole, or was given up by the caller.
  std::string fault{};

  /// "" where it is missing.
  std::string header(const std::string& name) const;
};

struct HttpGet {
  std::string url{};
  /// Bearer token: for the host of `url`, not for those that it redirects to.
  std::string token{};
  std::map<std::string, std::string> headers{};
  /// Sees the head of the response that no redirect follows; false gives its body up.
  std::function<bool(const HttpHead&)> on_head{};
  /// The body, in parts; false gives the rest up.
  std::function<bool(std::string_view)> on_bytes{};
};

/// A GET that follows redirects, but not from https to http. Throws UsageError for what is no URL.
HttpHead http_get(const HttpGet& get);

/// A path's segments as they are written in URLs: all but letters, digits and -._~/ as %XX.
std::string encode_path(std::string_view path);

}  // namespace citer
