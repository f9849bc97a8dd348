#pragma once

// Requests and replies as the handlers see them, whatever library carries them.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "citer/error.h"

namespace citer {

/// What a log tells of a request.
struct RequestRecord {
  std::string id{};
  std::string method{};
  std::string path{};
  int status = 0;       ///< with which the answer was begun
  std::string error{};  ///< the code of the error that ended it; "": none
  std::string model{};  ///< as the client named it
  bool streamed = false;
  std::int64_t prompt_tokens = 0;
  std::int64_t slm_tokens = 0;  ///< written
  std::int64_t llm_tokens = 0;
  std::string body{};  ///< kept only where it is asked for
};

struct HttpRequest {
  std::string_view body;
  std::string_view path;
  std::string_view model;  ///< that the address names: ?model=NAME
  /// Throws ClientGone once the client has left, ApiError once the server stops. To be called now
  /// and then while the request is handled, by the thread that does it.
  std::function<void()> check;
  /// To be filled in as the request is answered; never null.
  std::shared_ptr<RequestRecord> record;
  std::string_view action{};  ///< that the address names: ?action=NAME
};

/// The client left before its answer was done.
class ClientGone : public Error {
 public:
  ClientGone() : Error("the client is gone") {}
};

/// RequestRecord::error of one whose client left.
inline constexpr const char* kClientGone = "client_gone";

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
