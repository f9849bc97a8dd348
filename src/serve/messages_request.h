#pragma once

// Bodies of POST /v1/messages, Anthropic's API.

#include "serve/generation_request.h"

namespace citer {

/// Throws ApiError 400 that names the field for a wrong type or range, for what is not supported,
/// and for a field that is not known.
GenerationRequest parse_messages_request(const Json& body, const RequestLimits& limits);

}  // namespace citer
