#include "decode/by_text.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/stopwatch.h"
#include "base/utf8.h"

namespace citer {

namespace {

/// Whether the answer's grammar lets nothing follow a token of the LLM's own.
bool is_complete_with(LlmSide& side, Token own, const DecodeRequest& request) {
  if (!request.llm_constraint.grammar) return false;
  std::vector<Token> tokens = side.tokens;
  tokens.push_back(own);
  return side.sampler.is_complete(tokens);
}

}  // namespace

LlmGrowth text_for_llm(const Sequence& sequence, const Vocab& llm) {
  const std::string_view text = sequence.text.text();
  return {llm.continuation(text.substr(sequence.llm_side->bytes)), ""};
}

void decide_by_text(const Row& row, const Vocab& slm, const Vocab& llm, Sequence& sequence,
                    SlotOutcome& slot) {
  LlmSide& side = *sequence.llm_side;
  const Stopwatch watch;
  const Token own = side.sampler.sample(row, side.tokens);
  slot.cost.sampling_seconds += watch.seconds();
  ++slot.cost.llm_own_tokens;
  std::string text = side.held + llm.piece(own);
  const bool is_end = llm.is_end_of_generation(own);
  slot.llm_growth = {{own}, ""};
  if (!is_end && complete_utf8_length(text) < text.size()) {
    slot.llm_growth->held = std::move(text);
    return;
  }
  std::vector<Token> tokens = slm.continuation(text);
  if (is_end) tokens.push_back(slm.end_of_answer());
  if (tokens.empty()) return;
  const auto drawn = [&](Token token) { return Drawn{token, slm.piece(token), false, {}}; };
  Decision decision{sequence.decided(), drawn(tokens.front()), {}};
  std::transform(tokens.begin() + 1, tokens.end(), std::back_inserter(decision.further), drawn);
  Drawn& last = decision.further.empty() ? decision.drawn : decision.further.back();
  last.ends = is_end ? !sequence.request.ignore_eog : is_complete_with(side, own, sequence.request);
  slot.decisions.push_back(std::move(decision));
}

}  // namespace citer
