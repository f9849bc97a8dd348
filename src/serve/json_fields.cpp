#include "serve/json_fields.h"

#include <utility>

#include <fmt/format.h>

#include "serve/api_error.h"

namespace citer {

namespace {

constexpr int kBadRequest = 400;
// An object that keeps its order finds keys one by one: bounded, or a body of nothing but keys
// would take minutes.
constexpr int kMostKeys = 20000;
constexpr int kDeepest = 64;

/// nlohmann's message without its own name and number in front.
std::string reason(const char* what) {
  const std::string_view text = what;
  const std::size_t end = text.find("] ");
  return std::string(end == std::string_view::npos ? text : text.substr(end + 2));
}

[[noreturn]] void wrong_type(const std::string& path, const char* expected, const Json& found) {
  throw ApiError(kBadRequest,
                 fmt::format("{}: expected {}, found {}", path, expected, type_text(found)),
                 "invalid_type", path);
}

}  // namespace

std::string type_text(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "an array";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::boolean:
      return "a boolean";
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return "an integer";
    default:
      return "a number";
  }
}

Json parse_body(std::string_view body) {
  int keys = 0;
  const auto check = [&](int depth, Json::parse_event_t event, const Json& /*parsed*/) {
    if (depth > kDeepest) throw ApiError(kBadRequest, "the body is nested too deeply");
    if (event == Json::parse_event_t::key && ++keys > kMostKeys) {
      throw ApiError(kBadRequest, fmt::format("the body has more than {} keys", kMostKeys));
    }
    return true;
  };
  Json json;
  try {
    json = Json::parse(body, check);
  } catch (const Json::exception& e) {
    throw ApiError(kBadRequest, fmt::format("the body is not valid JSON: {}", reason(e.what())),
                   "invalid_json");
  }
  if (!json.is_object()) {
    throw ApiError(kBadRequest,
                   fmt::format("the body: expected an object, found {}", type_text(json)),
                   "invalid_type");
  }
  return json;
}

Fields::Fields(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

std::string Fields::path(const char* name) const {
  return path_.empty() ? name : fmt::format("{}.{}", path_, name);
}

const Json* Fields::find(const char* name) const {
  asked_for_.insert(name);
  const auto at = object_.find(name);
  return at == object_.end() || at->is_null() ? nullptr : &*at;
}

std::optional<double> Fields::number(const char* name, double least, double most) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_number()) wrong_type(path(name), "a number", *value);
  const auto number = value->get<double>();
  if (!(number >= least && number <= most)) {
    throw bad_field(path(name), fmt::format("expected a number in [{}, {}], found {}", least, most,
                                            value->dump()));
  }
  return number;
}

std::optional<std::int64_t> Fields::integer(const char* name, std::int64_t least,
                                            std::int64_t most) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_number_integer()) wrong_type(path(name), "an integer", *value);
  // A number beyond 2^63 is unsigned to the parser.
  const bool fits = !value->is_number_unsigned() || value->get<std::uint64_t>() <= INT64_MAX;
  const auto number = value->get<std::int64_t>();
  if (!fits || number < least || number > most) {
    throw bad_field(path(name), fmt::format("expected an integer in [{}, {}], found {}", least,
                                            most, value->dump()));
  }
  return number;
}

std::optional<bool> Fields::boolean(const char* name) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_boolean()) wrong_type(path(name), "a boolean", *value);
  return value->get<bool>();
}

std::optional<std::string> Fields::string(const char* name) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_string()) wrong_type(path(name), "a string", *value);
  return value->get<std::string>();
}

std::string Fields::needed_string(const char* name) const {
  std::string value = string(name).value_or("");
  if (value.empty()) throw bad_field(path(name), "missing");
  return value;
}

std::vector<std::pair<const Json*, std::string>> Fields::list(const char* name) const {
  const Json* value = find(name);
  std::vector<std::pair<const Json*, std::string>> elements;
  if (value == nullptr) return elements;
  if (!value->is_array()) wrong_type(path(name), "an array", *value);
  elements.reserve(value->size());
  for (const Json& element : *value) {
    elements.emplace_back(&element, fmt::format("{}[{}]", path(name), elements.size()));
  }
  return elements;
}

void Fields::refuse_others() const {
  for (const auto& [name, value] : object_.items()) {
    if (value.is_null() || asked_for_.contains(name)) continue;
    const std::string where = path(name.c_str());
    throw ApiError(kBadRequest, fmt::format("{}: unknown field", where), "unknown_field", where);
  }
}

void Fields::refuse_unless(const char* name, const Json& value) const {
  const Json* given = find(name);
  if (given == nullptr || *given == value) return;
  throw ApiError(kBadRequest,
                 value.is_null()
                     ? fmt::format("{}: not supported", path(name))
                     : fmt::format("{}: not supported, but for {}", path(name), value.dump()),
                 "unsupported_field", path(name));
}

std::optional<Fields> Fields::object(const char* name) const {
  const Json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_object()) wrong_type(path(name), "an object", *value);
  return Fields(*value, path(name));
}

Fields element_fields(const Json& element, const std::string& path) {
  if (!element.is_object()) wrong_type(path, "an object", element);
  return Fields(element, path);
}

}  // namespace citer
