#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "grammar/grammar_text.h"

namespace citer {

/// A schema that admits what both admit (allOf, and what stands beside anyOf or $ref). `where` is
/// the place that errors name. Throws UsageError for what cannot be said in one schema.
nlohmann::ordered_json merged_schemas(const nlohmann::ordered_json& a,
                                      const nlohmann::ordered_json& b, const std::string& where);

/// What a $ref of the schema `root` says. Throws UsageError if it is no place within it.
const nlohmann::ordered_json& resolved_schema(const nlohmann::ordered_json& root,
                                              const nlohmann::ordered_json& reference,
                                              const std::string& where);

/// `schema`, a part of `root`, with what its $ref and allOf say put into it.
nlohmann::ordered_json flattened_schema(const nlohmann::ordered_json& root,
                                        const nlohmann::ordered_json& schema,
                                        const std::string& where, gbnf::Rules& rules);

/// Whether a keyword only describes a value, and does not restrict it.
bool is_annotation(const std::string& keyword);

/// What `type` says, as a list. Throws UsageError if it is neither a string nor a list of them.
std::vector<std::string> types_of(const nlohmann::ordered_json& type, const std::string& where);

/// A keyword's list of schemas. Throws UsageError if it is none, or empty.
const nlohmann::ordered_json& schema_list(const nlohmann::ordered_json& schema,
                                          const std::string& key, const std::string& where);

/// The place of a part, as a JSON pointer.
std::string schema_child(const std::string& where, std::string key);
std::string schema_child(const std::string& where, std::size_t index);

/// Throws UsageError: "json_schema: at WHERE: PROBLEM".
[[noreturn]] void fail_schema(const std::string& where, const std::string& problem);

}  // namespace citer
