#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "serve/server.h"

namespace citer::test {

/// The events of a stream whose events have names: each must be its data's `type`.
inline std::vector<Json> named_events(const httplib::Result& result) {
  std::vector<Json> events;
  if (!result || result->status != 200) {
    ADD_FAILURE() << (result ? result->body : "no answer");
    return events;
  }
  std::size_t at = 0;
  for (std::size_t end; (end = result->body.find("\n\n", at)) != std::string::npos; at = end + 2) {
    const std::string event = result->body.substr(at, end - at);
    const std::size_t data = event.find("\ndata: ");
    events.push_back(Json::parse(event.substr(data + 7)));
    EXPECT_EQ(event.substr(0, data), "event: " + events.back()["type"].get<std::string>());
  }
  return events;
}

}  // namespace citer::test
