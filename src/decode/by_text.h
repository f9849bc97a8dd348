#pragma once

// How text goes between the models of a pair with different vocabularies.

#include "decode/step_plan.h"
#include "model/vocab.h"

namespace citer {

/// What the SLM wrote since the LLM's last token, for the LLM to read. Throws InputError where its
/// vocabulary, `llm`, has no tokens for it.
LlmGrowth text_for_llm(const Sequence& sequence, const Vocab& llm);

/// Draws one token of the LLM's own and decides the pending one by its text, in tokens of the
/// SLM's: one or several. Where the text ends within a character, or there is none (a control
/// token), only the LLM's side grows, and it has to go on. Where its token ends the answer, the
/// SLM's that does stands for it. Throws InputError where the SLM's vocabulary has no tokens for
/// the text.
void decide_by_text(const Row& row, const Vocab& slm, const Vocab& llm, Sequence& sequence,
                    SlotOutcome& slot);

}  // namespace citer
