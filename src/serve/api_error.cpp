#include "serve/api_error.h"

#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "citer/service.h"

namespace citer {

namespace {

constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;
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
    case 501:
      return "not_supported_error";
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

/// What the API calls a field of the options; "" where a request cannot set it.
std::string api_name(const std::string& field) {
  static const std::map<std::string, std::string> kNames = {
      {"policy", "citer.policy"},
      {"threshold", "citer.threshold"},
      {"budget", "citer.budget"},
      {"accuracy", "citer.accuracy"},
      {"confidence", "citer.confidence"},
      {"max_tokens", "max_tokens"},
      {"stop", "stop"},
      {"temperature", "temperature"},
      {"top_k", "top_k"},
      {"top_p", "top_p"},
      {"min_p", "min_p"},
      {"repeat_penalty", "repeat_penalty"},
      {"frequency_penalty", "frequency_penalty"},
      {"presence_penalty", "presence_penalty"},
      {"seed", "seed"},
      {"logit_bias", "logit_bias"},
      {"grammar", "grammar"},
      {"top_logprobs", "top_logprobs"},
      {"slot", "id_slot"},
  };
  const auto name = kNames.find(field);
  return name == kNames.end() ? "" : name->second;
}

ApiError api_error_of_fields(const FieldError& error) {
  std::string param;
  for (const std::string& field : error.fields()) {
    if (param.empty()) param = api_name(field);
  }
  const std::string text = error.text([](const std::string& field) {
    const std::string name = api_name(field);
    return name.empty() ? field : name;
  });
  return {kBadRequest, text, "invalid_value", param};
}

}  // namespace

ApiError bad_field(const std::string& param, const std::string& message) {
  return {kBadRequest, fmt::format("{}: {}", param, message), "invalid_value", param};
}

ApiError unknown_model(const std::string& name, const std::vector<std::string>& known) {
  return {kNotFound,
          fmt::format("the model '{}' does not exist; there are {}", name, fmt::join(known, ", ")),
          "model_not_found", "model"};
}

std::string error_body(const ApiError& error) {
  nlohmann::ordered_json object = {
      {"code", text_or_null(error.code())},
      {"message", valid_utf8(error.what())},
      {"type", error.type().empty() ? type_of(error.status()) : error.type()},
      {"param", text_or_null(error.param())}};
  for (const auto& [name, number] : error.numbers()) object[name] = number;
  return nlohmann::ordered_json{{"error", std::move(object)}}.dump();
}

ApiError api_error_of(const std::exception& error) {
  if (const auto* api = dynamic_cast<const ApiError*>(&error)) return *api;
  if (dynamic_cast<const Overloaded*>(&error) != nullptr) {
    return {kTooManyRequests, error.what(), "overloaded"};
  }
  if (dynamic_cast<const SlotBusy*>(&error) != nullptr) {
    return {kConflict, error.what(), "slot_busy"};
  }
  if (const auto* field = dynamic_cast<const FieldError*>(&error)) {
    return api_error_of_fields(*field);
  }
  if (dynamic_cast<const UsageError*>(&error) != nullptr) return {kBadRequest, error.what()};
  return {kInternalError, "internal error", "internal_error"};
}

}  // namespace citer
