#pragma once

#include "serve/generation_request.h"

namespace citer {

/// The body of a POST to /completion, llama-server's own API. Throws ApiError 400 that names the
/// field.
GenerationRequest parse_llama_server_request(const Json& body, const RequestLimits& limits);

}  // namespace citer
