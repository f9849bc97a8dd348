#include "serve/api_error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "citer/service.h"

namespace citer {

namespace {

constexpr int kBadRequest = 400;
constexpr int kTooManyRequests = 429;
constexpr int kInternalError = 500;

const char* type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 429:
      return "rate_limit_error";
    case 500:
      return "server_error";
    case 503:
      return "unavailable_error";
    case 504:
      return "timeout_error";
    default:
      return "invalid_request_error";
  }
}

nlohmann::ordered_json text_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  return valid_utf8(text);
}

}  // namespace

ApiError bad_field(const std::string& param, const std::string& message) {
  return {kBadRequest, fmt::format("{}: {}", param, message), "invalid_value", param};
}

std::string error_body(const ApiError& error) {
  const nlohmann::ordered_json body = {{"error",
                                        {{"code", text_or_null(error.code())},
                                         {"message", valid_utf8(error.what())},
                                         {"type", type_of(error.status())},
                                         {"param", text_or_null(error.param())}}}};
  return body.dump();
}

ApiError api_error_of(const std::exception& error) {
  if (const auto* api = dynamic_cast<const ApiError*>(&error)) return *api;
  if (dynamic_cast<const Overloaded*>(&error) != nullptr) {
    return {kTooManyRequests, error.what(), "overloaded"};
  }
  if (dynamic_cast<const UsageError*>(&error) != nullptr) return {kBadRequest, error.what()};
  return {kInternalError, "internal error", "internal_error"};
}

}  // namespace citer
