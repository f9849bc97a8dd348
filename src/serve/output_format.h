#pragma once

// What an answer must match: the fields that say so, as a grammar.

#include <string>

#include "serve/generation_request.h"

namespace citer {

/// Sets the grammar that `field` stands for; "": none. Throws ApiError 400 where another field has
/// set one.
void set_grammar(const std::string& field, std::string grammar, GenerationRequest& request);

/// An object with `type` text, json_object or json_schema, as response_format is.
void set_format(const Fields& format, const std::string& field, GenerationRequest& request);

/// The fields of llama-server (grammar, json_schema) and vLLM (structured_outputs, guided_...).
void parse_output_format(const Fields& fields, GenerationRequest& request);

}  // namespace citer
