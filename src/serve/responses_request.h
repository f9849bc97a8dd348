#pragma once

// Bodies of POST /v1/responses.

#include "serve/generation_request.h"

namespace citer {

/// Throws ApiError 400 that names the field for a wrong type or range, for what is not supported
/// (answers are not stored, so none may be gone on with), and for a field that is not known.
GenerationRequest parse_responses_request(const Json& body, const RequestLimits& limits);

}  // namespace citer
