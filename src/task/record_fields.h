#pragma once

// Reading fields of JSON records; every message names file, line, what was expected and what found.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "task/example.h"

namespace citer {

/// Where a record stands, for messages.
struct Place {
  const std::filesystem::path& path;
  int line;

  /// Throws InputError "path:line: expected ..., found ...".
  [[noreturn]] void fail(std::string_view expected, std::string_view found) const;
};

/// The value of a line, or of a file that begins at `first_line`. Throws InputError.
nlohmann::json parse_json(std::string_view text, const std::filesystem::path& path, int first_line);

/// A value in a message: its type, and the value itself when it is short.
std::string describe(const nlohmann::json& value);
/// The names of an object's fields, in a message.
std::string field_names(const nlohmann::json& object);

// These throw InputError where the field is missing or of another kind.

const nlohmann::json& field(const nlohmann::json& object, const char* name, const Place& place);
/// Text that is not blank.
const std::string& string_field(const nlohmann::json& object, const char* name, const Place& place);
/// The field's text, or "" when it is absent, null or blank.
std::string optional_string(const nlohmann::json& object, const char* name, const Place& place);
/// Text or a whole number, or "" when it is absent or null.
std::string optional_id(const nlohmann::json& object, const char* name, const Place& place);
/// A list of texts, or none when it is absent or null.
std::vector<std::string> optional_strings(const nlohmann::json& object, const char* name,
                                          const Place& place);

/// "A", "B", ... Precondition: `index` < 26.
std::string letter(std::size_t index);
/// `key`, which must be the label of a choice; `name` is the field it stood in.
std::string known_label(const std::string& key, const std::vector<Choice>& choices,
                        const char* name, const Place& place);
/// "choices": {"label": [...], "text": [...]}, or a list of {"label", "text"}, of [label, text], or
/// of texts that get the labels A, B, ...
std::vector<Choice> choices_of(const nlohmann::json& object, const Place& place);

}  // namespace citer
