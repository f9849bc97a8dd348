#pragma once

// `POST /v1/citer/decide`: the LLM decides for clients that have the SLM (docs/deployment.md).

#include <vector>

#include "engine/sessions.h"
#include "serve/json_fields.h"

namespace citer {

/// The version of the protocol; another one is refused.
inline constexpr int kDecideProtocol = 1;

/// The sessions' steps of a request. Throws ApiError 400 that names what is wrong with a field.
std::vector<SessionStep> parse_decide(const Json& body, int n_vocab);

/// The reply: what was decided in each session, or why nothing was.
Json decide_json(const std::vector<SessionStep>& steps, const std::vector<SessionAnswer>& answers);

}  // namespace citer
