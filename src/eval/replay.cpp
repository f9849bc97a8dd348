#include "eval/replay.h"

#include <algorithm>

namespace citer {

ReplayAnswer to_replay(const Answer& answer) {
  ReplayAnswer replay;
  replay.prompt_tokens = answer.prompt_tokens;
  replay.tokens.reserve(answer.tokens.size());
  for (const TokenRecord& token : answer.tokens) {
    // The last token that is held may be left to the LLM without a guess: taken to be a right one.
    const bool guessed = token.guessed || !token.llm_agrees;
    replay.tokens.push_back({token.writer == Writer::kLlm, guessed});
  }
  return replay;
}

double replay_alone(const PassCurve& model, const Hardware& hardware, const ReplayAnswer& answer) {
  const auto n = static_cast<double>(answer.tokens.size());
  if (n < 1) return 0.0;
  return model.at(answer.prompt_tokens) + (n - 1) * model.at(1) + n * hardware.token_overhead;
}

double replay_routing(const Hardware& hardware, const ReplayAnswer& answer, int pending) {
  const auto& tokens = answer.tokens;
  const bool all_llm =
      std::all_of(tokens.begin(), tokens.end(), [](const auto& token) { return token.by_llm; });
  double seconds = static_cast<double>(tokens.size()) * hardware.token_overhead;
  std::size_t slm_has = 0;  // tokens of prompt and answer that a model has read
  std::size_t llm_has = 0;
  const auto prompt = static_cast<std::size_t>(answer.prompt_tokens);
  const auto read = [&](const PassCurve& model, std::size_t& has, std::size_t up_to) {
    seconds += model.at(static_cast<double>(up_to - has));
    has = up_to;
  };
  for (std::size_t decided = 0; decided < tokens.size();) {
    std::vector<std::size_t> held;
    std::size_t end = decided;
    while (end < tokens.size() && held.size() < static_cast<std::size_t>(pending)) {
      // At threshold 1 the last token that is held needs no guess, and so no pass of the SLM.
      const bool last = all_llm && held.size() + 1 == static_cast<std::size_t>(pending);
      if (!last) read(hardware.slm, slm_has, prompt + end);
      if (tokens[end].by_llm) held.push_back(end);
      ++end;
    }
    decided = end;
    if (held.empty()) break;
    read(hardware.llm, llm_has, prompt + held.back());
    const auto wrong =
        std::find_if(held.begin(), held.end(), [&](std::size_t at) { return !tokens[at].guessed; });
    if (wrong == held.end()) continue;
    decided = *wrong + 1;
    slm_has = std::min(slm_has, prompt + *wrong);
    llm_has = std::min(llm_has, prompt + *wrong);
  }
  return seconds;
}

}  // namespace citer
