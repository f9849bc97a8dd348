#pragma once

// Reading of JSON that clients sent.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace citer {

/// Keeps the order of an object's keys: a JSON schema's properties are written in it.
using Json = nlohmann::ordered_json;

/// Parses a request's body, which must be an object. Throws ApiError 400: no JSON (with the place),
/// bad UTF-8, nested too deeply, too many keys, no object.
Json parse_body(std::string_view body);

/// The fields of an object. A field that is missing or null is none; a wrong type or range throws
/// ApiError 400 that names the field.
class Fields {
 public:
  /// `path` is where the object stands, as it is named in errors: "" or, e.g., "citer". Names are
  /// literals: they are kept as they are.
  explicit Fields(const Json& object, std::string path = "");

  const Json* find(const char* name) const;
  std::optional<double> number(const char* name, double least, double most) const;
  std::optional<std::int64_t> integer(const char* name, std::int64_t least,
                                      std::int64_t most) const;
  std::optional<bool> boolean(const char* name) const;
  std::optional<std::string> string(const char* name) const;
  std::optional<Fields> object(const char* name) const;
  /// A string that must be there and not be empty.
  std::string needed_string(const char* name) const;
  /// The elements of an array, each with where it stands ("tools[2]"); none where it is missing.
  std::vector<std::pair<const Json*, std::string>> list(const char* name) const;

  /// Whether any of the above was asked for it.
  bool is_read(const char* name) const { return asked_for_.contains(name); }

  /// Throws ApiError 400 that names the first field that none of the above was asked for: what a
  /// client sends is acted on or refused.
  void refuse_others() const;
  /// Throws ApiError 400 that names the field, unless it has the one value that says what is done
  /// anyway.
  void refuse_unless(const char* name, const Json& value) const;

  /// The name of a field in errors: "citer.budget".
  std::string path(const char* name) const;

 private:
  const Json& object_;
  std::string path_;
  mutable std::set<std::string_view> asked_for_;
};

/// The fields of an array's element, which must be an object.
Fields element_fields(const Json& element, const std::string& path);

/// A JSON value's type for error messages: "a string", "null", ...
std::string type_text(const Json& value);

}  // namespace citer
