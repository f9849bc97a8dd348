#pragma once

#include <vector>

#include "citer/engine.h"
#include "eval/hardware.h"

namespace citer {

/// What a strategy needs to know of an answer that was written: who wrote each token, whether the
/// two models agree there, and whether a token of the LLM's was guessed.
struct ReplayAnswer {
  struct Token {
    bool by_llm = false;
    bool agrees = true;
    bool guessed = true;
  };
  int prompt_tokens = 0;
  std::vector<Token> tokens;
};

/// From an answer written with audit and pending tokens, so that both models were asked at every
/// place. Where the LLM was not (behind its last pass) it is taken to agree.
ReplayAnswer to_replay(const Answer& answer);

/// Seconds that one sequence takes on a machine, prompt included, by replaying the passes that
/// Decoder makes. `pending`: tokens that may wait for the LLM; 1 is plain routing.
double replay_routing(const Hardware& hardware, const ReplayAnswer& answer, int pending);

/// The same text by one model alone.
double replay_alone(const PassCurve& model, const Hardware& hardware, const ReplayAnswer& answer);

/// By speculative decoding: the LLM decides every token, up to `pending` of them in one pass.
double replay_speculative_decoding(const Hardware& hardware, ReplayAnswer answer, int pending);

}  // namespace citer
