#pragma once

// Fields that the requests of several APIs have.

#include <limits>
#include <string>
#include <vector>

#include "serve/generation_request.h"

namespace citer {

inline constexpr int kMostTokens = std::numeric_limits<int>::max();
inline constexpr int kMostTopLogprobs = 20;

/// Model, sampling, what the answer must match, streaming and routing; refuses what is known and
/// not supported. Throws ApiError 400 that names the field, here and below.
GenerationRequest parse_shared_fields(const Fields& fields, const RequestLimits& limits);

/// Stop strings: one, or an array.
void parse_stop(const Fields& fields, const char* name, const RequestLimits& limits,
                GenerationRequest& request);

/// An array of token ids below `vocab_size`. Throws ApiError 400 that names `field`.
std::vector<Token> parse_token_ids(const Json* ids, const std::string& field, int vocab_size);

}  // namespace citer
