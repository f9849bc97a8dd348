#pragma once

// GBNF for the values of a schema that are no objects or arrays. `where` is the schema's place for
// errors, which are UsageErrors.

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "grammar/grammar_text.h"

namespace citer {

/// The values of a list that have the schema's type, if it gives one.
std::string enum_piece(const nlohmann::ordered_json& values, const nlohmann::ordered_json& schema,
                       const std::string& where);

/// minLength and maxLength, pattern, and format.
std::string string_piece(const nlohmann::ordered_json& schema, const std::string& where,
                         gbnf::Rules& rules);

/// minimum and maximum, exclusive or not, and multipleOf.
std::string integer_piece(const nlohmann::ordered_json& schema, const std::string& where,
                          gbnf::Rules& rules);

/// The same; bounds must be whole.
std::string number_piece(const nlohmann::ordered_json& schema, const std::string& where,
                         gbnf::Rules& rules);

/// A count of characters or items, at most gbnf::kMostRepetitions; nothing if it is not given.
std::optional<std::int64_t> schema_count(const nlohmann::ordered_json& schema,
                                         const std::string& key, const std::string& where);

}  // namespace citer
