#pragma once

#include <string_view>

#include "serve/api.h"

namespace citer {

using Handler = HttpReply (Api::*)(const HttpRequest&);

/// A path that ends with / stands for those that go on behind it.
struct Route {
  std::string_view method;
  std::string_view path;
  Handler handler;
};

/// The API's route for a path; null where there is none.
const Route* find_route(std::string_view path);

}  // namespace citer
