#pragma once

#include <vector>

#include "citer/generation.h"
#include "eval/hardware.h"

namespace citer {

/// What is needed of an answer that was written, with as many pending tokens as are to be replayed:
/// who wrote each token, and whether a token of the LLM's was guessed.
struct ReplayAnswer {
  struct Token {
    bool by_llm = false;
    bool guessed = true;
  };
  int prompt_tokens = 0;
  std::vector<Token> tokens;
};

ReplayAnswer to_replay(const Answer& answer);

/// Seconds that one sequence takes on a machine, prompt included, by replaying the passes that
/// Decoder makes. `pending`: tokens that may wait for the LLM; 1 is plain routing. An answer
/// written by speculative decoding, all of it the LLM's, gives that strategy's.
double replay_routing(const Hardware& hardware, const ReplayAnswer& answer, int pending);

/// The same text by one model alone.
double replay_alone(const PassCurve& model, const Hardware& hardware, const ReplayAnswer& answer);

}  // namespace citer
