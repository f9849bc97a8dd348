#pragma once

#include <optional>
#include <vector>

#include "citer/service.h"

namespace citer {

/// Seconds of one pass of a model that reads the last `tokens` tokens of an answer: the median of
/// three. nullopt while the answer, prompt included, has no more tokens than that, and where they
/// are not the model's.
std::optional<double> measure_pass_seconds(Service& service, const Prompt& prompt,
                                           const Answer& answer, Writer model, int tokens);

/// Seconds of one pass of a model that reads the last `n` of these tokens, 0 < n < tokens.size();
/// the ones before it has read.
double time_pass(Service& service, const std::vector<Token>& tokens, Writer model, int n);

/// The tokens of a prompt and of an answer to it.
std::vector<Token> all_tokens(const Service& service, const Prompt& prompt, const Answer& answer);

/// For each token of an answer to `prompt`: whether it is the LLM's likeliest one at its place. One
/// LLM pass.
std::vector<bool> audit(Service& service, const Prompt& prompt, const Answer& answer);

}  // namespace citer
