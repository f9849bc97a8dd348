#pragma once

#include <string_view>
#include <variant>

#include "serve/http.h"

namespace citer {

class Api;
class ServerApi;

/// What is one model's business, and what is the server's.
using ModelHandler = HttpReply (Api::*)(const HttpRequest&);
using ServerHandler = HttpReply (ServerApi::*)(const HttpRequest&);

/// A path that ends with / stands for those that go on behind it.
struct Route {
  std::string_view method;
  std::string_view path;
  std::variant<ModelHandler, ServerHandler> handler;
};

/// The API's route for a path; null where there is none.
const Route* find_route(std::string_view path);

}  // namespace citer
