#pragma once

// Requests and replies as the handlers see them, whatever library carries them.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "citer/error.h"

namespace citer {

struct HttpRequest {
  std::string_view body;
  /// Throws ClientGone once the client has left, ApiError once the server stops. To be called now
  /// and then while the request is handled, by the thread that does it.
  std::function<void()> check;
};

/// The client left before its answer was done.
class ClientGone : public Error {
 public:
  ClientGone() : Error("the client is gone") {}
};

/// Sends bytes; false when the client is gone or does not read.
using WriteBytes = std::function<bool(std::string_view)>;

struct HttpReply {
  int status = 200;
  std::string type = "application/json; charset=utf-8";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  /// Set instead of `body` for one that is written as it comes to be.
  std::function<void(const WriteBytes&)> stream{};
};

}  // namespace citer
