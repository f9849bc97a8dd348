#pragma once

#include <nlohmann/json.hpp>

#include "citer/generation.h"

namespace citer {

/// What an answer cost, as every door tells it: tokens by writer, LLM share, passes and positions
/// by model, guesses accepted and rejected, drafts dropped,
/// tokens at which the LLM's server did not answer.
inline nlohmann::ordered_json counters_json(const Counters& c) {
  const auto tokens = static_cast<double>(c.tokens());
  return {{"tokens", c.tokens()},
          {"slm_tokens", c.slm_tokens},
          {"llm_tokens", c.llm_tokens},
          {"llm_own_tokens", c.llm_own_tokens},
          {"llm_share", tokens > 0 ? static_cast<double>(c.llm_tokens) / tokens : 0.0},
          {"slm_passes", c.slm_passes},
          {"llm_passes", c.llm_passes},
          {"slm_positions", c.slm_positions},
          {"llm_positions", c.llm_positions},
          {"accepted", c.accepted},
          {"rejected", c.rejected},
          {"dropped", c.dropped},
          {"unanswered", c.unanswered}};
}

/// What is promised, as every door tells it: `threshold` is null where the LLM alone keeps it, and
/// `needed` says how many right answers of the LLM would show it, null for none.
inline nlohmann::ordered_json promise_json(const Promise& promise) {
  nlohmann::ordered_json object = {{"accuracy", promise.asked.accuracy},
                                   {"confidence", promise.asked.confidence},
                                   {"threshold", nullptr},
                                   {"task", promise.task},
                                   {"examples", promise.examples},
                                   {"harms", promise.harms}};
  if (promise.threshold) {
    object["threshold"] = *promise.threshold;
  } else {
    object["needed"] = promise.needed ? nlohmann::ordered_json(*promise.needed) : nullptr;
  }
  return object;
}

/// What routing and the LLM alone were predicted to write, tokens per second.
inline nlohmann::ordered_json speeds_json(const PredictedSpeeds& speeds) {
  return {{"routed_tokens_per_second", speeds.routed}, {"llm_tokens_per_second", speeds.llm}};
}

}  // namespace citer
