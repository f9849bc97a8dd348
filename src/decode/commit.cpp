#include "decode/commit.h"

#include <utility>

namespace citer {

namespace {

/// A token of the LLM's text, decided.
Draft by_llm(Drawn drawn, double score) {
  Draft draft;
  draft.record.id = drawn.id;
  draft.record.piece = std::move(drawn.piece);
  draft.record.writer = Writer::kLlm;
  draft.record.score = score;
  draft.ends = drawn.ends;
  return draft;
}

/// One answer's part of a commit. Counts for the answer and in all.
class Commit {
 public:
  Commit(Sequence& sequence, Counters& totals) : sequence_(sequence), totals_(totals) {}

  void apply(SlotOutcome outcome);

 private:
  void count(const Counters& cost);
  void add(std::int64_t Counters::*counter, std::int64_t n = 1);
  void append(Draft draft);
  void grow_llm_side(LlmGrowth growth);
  void let_slm_stand(std::string fault);
  void decide(std::vector<Decision> decisions);
  void audit(const Decision& decision);
  void verify(Decision decision);
  void correct(Drawn drawn);
  void settle_front();
  void finish_if_ended(bool ends);

  Sequence& sequence_;
  Counters& totals_;
  double llm_seconds_ = 0.0;  ///< of the pass, borne by the first token that it decides
};

/// The ledger's lines: an answer's own, and all of them, where shared passes are counted apart.
void Commit::count(const Counters& cost) {
  sequence_.counters += cost;
  Counters shared = cost;
  shared.slm_passes = shared.llm_passes = 0;
  totals_ += shared;
}

void Commit::add(std::int64_t Counters::*counter, std::int64_t n) {
  sequence_.counters.*counter += n;
  totals_.*counter += n;
}

void Commit::apply(SlotOutcome outcome) {
  count(outcome.cost);
  if (sequence_.finish) return;
  if (!outcome.error.empty()) {
    sequence_.error = std::move(outcome.error);
    sequence_.is_request_fault = true;
    sequence_.end(FinishReason::kError);
    return;
  }
  if (!outcome.llm_fault.empty()) return let_slm_stand(std::move(outcome.llm_fault));
  if (outcome.prompt_score) sequence_.prompt_score = outcome.prompt_score;
  llm_seconds_ = outcome.cost.llm_seconds;
  for (TokenRecord& record : outcome.prompt_records) {
    sequence_.prompt_records.push_back(std::move(record));
  }
  if (outcome.draft) append(std::move(*outcome.draft));
  if (!outcome.decisions.empty()) decide(std::move(outcome.decisions));
  if (outcome.llm_growth) grow_llm_side(std::move(*outcome.llm_growth));
  const bool writes_none = sequence_.request.max_tokens == 0 && !sequence_.scores_prompt();
  if (writes_none && !sequence_.finish) sequence_.end(FinishReason::kLength);
}

/// The LLM's server did not answer. What waits for it is drafted again, its first token as the
/// SLM's own.
void Commit::let_slm_stand(std::string fault) {
  if (sequence_.request.llm_required) {
    sequence_.error = std::move(fault);
    sequence_.is_llm_fault = true;
    sequence_.end(FinishReason::kError);
    return;
  }
  sequence_.llm_fault = std::move(fault);
  if (sequence_.drafts.empty()) return;  // a part of its prompt was to be read
  add(&Counters::dropped, static_cast<std::int64_t>(sequence_.drafts.size()) - 1);
  sequence_.drop_drafts();
  sequence_.slm_stands = true;
}

/// The LLM's own tokens may be more than the SLM's, and need room, too.
void Commit::grow_llm_side(LlmGrowth growth) {
  sequence_.llm_side->grow(std::move(growth), sequence_.text.text().size());
  const bool fits = sequence_.llm_tokens().size() <= sequence_.request.llm_room;
  if (!fits && !sequence_.finish) sequence_.end(FinishReason::kLength);
}

/// It is decided at once where nothing before it is pending and it needs no pass of the LLM.
void Commit::append(Draft draft) {
  if (draft.record.unanswered) add(&Counters::unanswered);
  sequence_.slm_stands = false;
  sequence_.tokens.push_back(draft.record.id);
  sequence_.drafts.push_back(std::move(draft));
  if (!sequence_.drafts.front().pending) settle_front();
}

void Commit::decide(std::vector<Decision> decisions) {
  for (Decision& decision : decisions) {
    if (decision.position < sequence_.decided()) {
      audit(decision);
      continue;
    }
    while (sequence_.decided() < decision.position && !sequence_.finish) settle_front();
    if (sequence_.finish) return;
    verify(std::move(decision));
    if (sequence_.finish) return;
  }
  while (!sequence_.drafts.empty() && !sequence_.drafts.front().pending && !sequence_.finish) {
    settle_front();
  }
}

void Commit::audit(const Decision& decision) {
  TokenRecord& record = sequence_.records[decision.position - sequence_.request.prompt.size()];
  record.llm_agrees = record.id == decision.llm_token;
}

/// The LLM's decision at the first draft.
void Commit::verify(Decision decision) {
  Draft& front = sequence_.drafts.front();
  sequence_.verified = decision.position + 1;
  Drawn& drawn = decision.drawn;
  if (!front.pending) {
    front.record.llm_agrees = front.record.id == decision.llm_token;
    settle_front();
    return;
  }
  front.record.llm_seconds = std::exchange(llm_seconds_, 0.0);
  if (decision.score) front.record.score = *decision.score;
  if (decision.by_slm) {
    front.record.writer = Writer::kSlm;
  } else {
    front.record.logprobs = std::move(drawn.logprobs);
  }
  const bool accepted = front.record.id == drawn.id;
  if (decision.guesses) {
    front.record.llm_agrees = decision.guesses->slm == decision.llm_token;
    front.record.guessed = accepted;
    add(accepted ? &Counters::accepted : &Counters::rejected);
  }
  if (!accepted) correct(std::move(drawn));
  const double score = front.record.score;
  settle_front();
  for (Drawn& further : decision.further) {
    if (!sequence_.finish) append(by_llm(std::move(further), score));
  }
}

/// The LLM's token takes the first draft's place; what was drafted behind is dropped.
void Commit::correct(Drawn drawn) {
  add(&Counters::dropped, static_cast<std::int64_t>(sequence_.drafts.size()) - 1);
  const std::size_t position = sequence_.decided();
  sequence_.drafts.resize(1);
  sequence_.tokens.resize(position);
  sequence_.tokens.push_back(drawn.id);
  Draft& front = sequence_.drafts.front();
  front.record.id = drawn.id;
  front.record.piece = std::move(drawn.piece);
  front.ends = drawn.ends;
}

/// The first draft becomes a token of the answer.
void Commit::settle_front() {
  TokenRecord record = std::move(sequence_.drafts.front().record);
  const bool ends = sequence_.drafts.front().ends;
  sequence_.drafts.erase(sequence_.drafts.begin());
  const auto now = std::chrono::steady_clock::now();
  record.seconds = std::chrono::duration<double>(now - sequence_.grown).count();
  sequence_.grown = now;
  sequence_.text.push(record.piece, record.writer);
  add(record.writer == Writer::kLlm ? &Counters::llm_tokens : &Counters::slm_tokens);
  const bool is_own = !sequence_.llm_side && !sequence_.request.llm_reads_text;
  if (record.writer == Writer::kLlm && is_own) add(&Counters::llm_own_tokens);
  sequence_.records.push_back(std::move(record));
  finish_if_ended(ends);
}

void Commit::finish_if_ended(bool ends) {
  if (ends) {
    sequence_.end(FinishReason::kEndOfGeneration);
  } else if (sequence_.text.stopped()) {
    sequence_.end(FinishReason::kStopString);
  } else if (static_cast<int>(sequence_.records.size()) >= sequence_.request.max_tokens) {
    sequence_.end(FinishReason::kLength);
  }
}

}  // namespace

void commit(StepOutcome outcome, const std::vector<std::unique_ptr<Sequence>>& sequences,
            Counters& totals) noexcept {
  totals.slm_passes += outcome.slm_passes;
  totals.llm_passes += outcome.llm_passes;
  for (SlotOutcome& slot : outcome.slots) {
    const auto& sequence = sequences[static_cast<std::size_t>(slot.slot)];
    if (sequence != nullptr) Commit(*sequence, totals).apply(std::move(slot));
  }
}

}  // namespace citer
