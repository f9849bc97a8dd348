#pragma once

// Fields that the requests of several APIs have.

#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "serve/generation_request.h"

namespace citer {

inline constexpr int kMostTokens = std::numeric_limits<int>::max();
inline constexpr int kMostTopLogprobs = 20;

/// Model, sampling, what the answer must match, streaming and routing. Throws ApiError 400 that
/// names the field, here and below.
GenerationRequest parse_shared_fields(const Fields& fields, const RequestLimits& limits);

/// Tokens to write at most, by the last of these fields that is there, and no more than the server
/// allows. `least`: -1 where that stands for any number.
void parse_max_tokens(const Fields& fields, std::initializer_list<const char*> names, int least,
                      const RequestLimits& limits, GenerationRequest& request);

/// Stop strings: one, or an array.
void parse_stop(const Fields& fields, const char* name, const RequestLimits& limits,
                GenerationRequest& request);

/// `prompt`: a string, token ids with texts among them, or an array of either.
std::vector<TextOrTokens> parse_prompts(const Fields& fields, const RequestLimits& limits);

/// Refuses what is known and not supported, and what is not known: all that was not asked for.
void refuse_rest(const Fields& fields);

/// An array of token ids below `vocab_size`. Throws ApiError 400 that names `field`.
std::vector<Token> parse_token_ids(const Json* ids, const std::string& field, int vocab_size);

}  // namespace citer
