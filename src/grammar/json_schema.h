#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace citer {

/// A GBNF grammar whose texts all are JSON values that the schema admits. Written from the JSON
/// Schema specification (2020-12, and the older spellings definitions, nullable, items as a list).
///
/// Where a schema leaves open what a model would only fill for ever, less is written than it
/// admits: properties come in the order of their declaration, each once; with `properties` or
/// `prefixItems` declared, others come only if additionalProperties or items say so; blanks are
/// few, numbers have at most 16 digits. oneOf is read as anyOf. Of the specification's formats
/// those for other alphabets, references and patterns are refused, the others are kept to; what is
/// no format of the specification is an annotation.
///
/// Throws UsageError with the JSON pointer of what is malformed, not supported, or admits nothing.
std::string json_schema_to_grammar(const nlohmann::ordered_json& schema);

/// A GBNF grammar for any JSON object.
std::string json_object_grammar();

}  // namespace citer
