// One step of the decoder: draft, score, ask the LLM where it is due, commit.

#include <algorithm>
#include <utility>

#include "citer/error.h"
#include "decode/decoder.h"

namespace citer {

namespace {

/// Stands for a guess that was not made.
constexpr Token kNoToken = -1;
/// Drafts a sequence holds at most.
constexpr std::size_t kMostDrafts = 48;

int last_index(const Sequence& sequence) { return static_cast<int>(sequence.tokens.size()) - 1; }

/// Adds what one request of a pass cost to an answer's and all answers' counters.
void account(Counters& counters, Counters& totals, const RequestCost& part, double seconds,
             bool llm) {
  for (Counters* c : {&counters, &totals}) {
    (llm ? c->llm_cache_reads : c->slm_cache_reads) += part.cache_reads;
    (llm ? c->llm_positions : c->slm_positions) += part.positions;
    (llm ? c->llm_seconds : c->slm_seconds) += seconds;
  }
  (llm ? counters.llm_passes : counters.slm_passes) += part.passes;
}

}  // namespace

const std::vector<int>& Decoder::step() {
  list_turns();
  std::vector<std::size_t> before;
  for (const Turn& turn : turns_) before.push_back(turn.sequence->records.size());
  try {
    run_slm();
    run_llm_for_scores();
    score();
    for (Turn& turn : turns_) draft(turn);
    verify_due();
  } catch (...) {
    for (const Turn& turn : turns_) turn.sequence->drop_drafts();
    throw;
  }
  progressed_.clear();
  for (std::size_t i = 0; i < turns_.size(); ++i) {
    if (turns_[i].sequence->records.size() > before[i]) progressed_.push_back(turns_[i].slot);
  }
  return progressed_;
}

bool Decoder::llm_writes(const Turn& turn) {
  const double threshold = turn.sequence->request.threshold;
  return turn.score < threshold || threshold >= 1;
}

/// Whether the LLM is known to write the token before any model was asked. Threshold 0 is the SLM
/// alone, whatever the policy.
bool Decoder::skips_slm(const Turn& turn) {
  const DecodeRequest& request = turn.sequence->request;
  if (turn.sequence->prompt_score) return llm_writes(turn);
  return !request.policy->needs().slm && request.threshold > 0;
}

void Decoder::list_turns() {
  turns_.clear();
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot] == nullptr || slots_[slot]->finish) continue;
    Turn turn{static_cast<int>(slot), slots_[slot].get()};
    turn.score = slots_[slot]->prompt_score.value_or(0.0F);
    turns_.push_back(turn);
  }
}

/// One pass for the rows after each sequence's last token.
ForwardCost Decoder::run(ModelContext& model, const std::vector<Turn*>& turns, bool hidden) {
  std::vector<int> last;
  last.reserve(turns.size());
  for (const Turn* turn : turns) last.push_back(last_index(*turn->sequence));
  std::vector<RowRequest> requests;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    requests.push_back({turns[i]->slot, turns[i]->sequence->tokens, {&last[i], 1}});
  }
  return model.forward(requests, hidden);
}

void Decoder::run_slm() {
  std::vector<Turn*> readers;
  bool hidden = false;
  for (Turn& turn : turns_) {
    if (skips_slm(turn)) continue;
    readers.push_back(&turn);
    hidden |= turn.sequence->request.policy->needs().hidden && !turn.sequence->prompt_score;
  }
  if (readers.empty()) return;
  const ForwardCost cost = run(slm_, readers, hidden);
  totals_.slm_passes += cost.passes;
  if (cost.positions == static_cast<int>(readers.size())) {  // no prefill among them
    planner_.saw_slm_step(cost.positions, cost.seconds);
  }
  for (std::size_t i = 0; i < readers.size(); ++i) {
    Turn& turn = *readers[i];
    turn.slm_row = i;
    turn.slm_seconds = cost.seconds * cost.requests[i].positions / cost.positions;
    account(turn.sequence->counters, totals_, cost.requests[i], turn.slm_seconds, false);
  }
}

void Decoder::account_llm(const std::vector<Turn*>& turns, const ForwardCost& cost) {
  totals_.llm_passes += cost.passes;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    turns[i]->llm_seconds = cost.seconds * cost.requests[i].positions / cost.positions;
    account(turns[i]->sequence->counters, totals_, cost.requests[i], turns[i]->llm_seconds, true);
  }
}

void Decoder::run_llm_for_scores() {
  std::vector<Turn*> readers;
  for (Turn& turn : turns_) {
    if (turn.sequence->request.policy->needs().llm) readers.push_back(&turn);
  }
  if (readers.empty()) return;
  account_llm(readers, run(llm_, readers, false));
  for (std::size_t i = 0; i < readers.size(); ++i) readers[i]->llm_row = i;
}

/// Scores all turns, those of one policy in one batch.
void Decoder::score() {
  std::vector<bool> done;
  for (const Turn& turn : turns_) done.push_back(turn.sequence->prompt_score.has_value());
  std::vector<std::size_t> members;
  std::vector<PolicyInput> inputs;
  std::vector<float> scores;
  for (std::size_t first = 0; first < turns_.size(); ++first) {
    if (done[first]) continue;
    const RoutingPolicy& policy = *turns_[first].sequence->request.policy;
    members.clear();
    inputs.clear();
    for (std::size_t i = first; i < turns_.size(); ++i) {
      const Turn& turn = turns_[i];
      if (done[i] || turn.sequence->request.policy.get() != &policy) continue;
      PolicyInput input;
      if (turn.slm_row != kNone) {
        const Row row = slm_.row(turn.slm_row, 0);
        input.slm_logits = row.logits;
        input.slm_hidden = row.hidden;
      }
      if (turn.llm_row != kNone) input.llm_logits = llm_.row(turn.llm_row, 0).logits;
      input.seed = turn.sequence->request.sampling.seed;
      input.stream = turn.sequence->stream;
      input.position = turn.sequence->tokens.size();
      inputs.push_back(input);
      members.push_back(i);
      done[i] = true;
    }
    scores.resize(members.size());
    policy.score(inputs, scores);
    for (std::size_t k = 0; k < members.size(); ++k) {
      turns_[members[k]].score = scores[k];
      if (policy.needs().per_prompt) turns_[members[k]].sequence->prompt_score = scores[k];
    }
  }
}

/// The token at `position` by these logits, the tokens before it given.
Token Decoder::sample(Sequence& sequence, std::span<const float> logits, std::size_t position) {
  // Padding that only one vocabulary has is never drawn: it stands for no text.
  const auto n_vocab =
      static_cast<std::size_t>(std::min(slm_.model().vocab().size(), llm_.model().vocab().size()));
  return sequence.sampler.sample(logits.first(n_vocab), std::span(sequence.tokens).first(position));
}

/// Appends the next token as a draft; it is committed at once where nothing before it is pending
/// and it needs no pass of the LLM.
void Decoder::draft(Turn& turn) {
  Sequence& sequence = *turn.sequence;
  const DecodeRequest& request = sequence.request;
  const bool by_llm = llm_writes(turn);
  const bool has_llm_row = turn.llm_row != kNone;
  Draft draft;
  draft.pending = by_llm && !has_llm_row;
  draft.record.score = turn.score;
  draft.record.writer = by_llm ? Writer::kLlm : Writer::kSlm;
  draft.record.slm_seconds = turn.slm_seconds;
  draft.record.llm_seconds = has_llm_row ? turn.llm_seconds : 0.0;
  draft.record.id = kNoToken;
  const std::size_t position = sequence.tokens.size();
  if (by_llm && has_llm_row) {
    draft.record.id = sample(sequence, llm_.row(turn.llm_row, 0).logits, position);
  } else if (turn.slm_row != kNone && !(by_llm && request.pending_limit == 1)) {
    draft.record.id = sample(sequence, slm_.row(turn.slm_row, 0).logits, position);
  }
  if (turn.slm_row != kNone) planner_.saw_draft(draft.pending);
  sequence.tokens.push_back(draft.record.id);
  sequence.drafts.push_back(std::move(draft));
  if (!sequence.drafts.front().pending) commit_front(sequence);
}

/// Whether the LLM is to be asked before more is drafted.
bool Decoder::is_due(const Sequence& sequence) const {
  if (sequence.drafts.empty()) return false;
  const Token last = sequence.tokens.back();
  const DecodeRequest& request = sequence.request;
  const bool ends =
      !request.ignore_eog && last != kNoToken && slm_.model().vocab().is_end_of_generation(last);
  const std::size_t written = sequence.tokens.size() - request.prompt.size();
  if (last == kNoToken || ends || sequence.drafts.size() >= kMostDrafts ||
      written >= static_cast<std::size_t>(request.max_tokens)) {
    return true;
  }
  std::vector<float> scores;
  for (const Draft& draft : sequence.drafts) {
    if (draft.pending) scores.push_back(draft.record.score);
  }
  if (request.pending_limit > 0) {
    return scores.size() >= static_cast<std::size_t>(request.pending_limit);
  }
  return sequence.drafts.back().pending && planner_.should_ask(scores);
}

/// One pass of the LLM for all sequences whose pending tokens are due.
void Decoder::verify_due() {
  std::vector<Turn*> due;
  std::vector<RowRequest> requests;
  for (Turn& turn : turns_) {
    const Sequence& sequence = *turn.sequence;
    if (sequence.finish || !is_due(sequence)) continue;
    std::size_t first = sequence.decided();
    if (sequence.request.audit) first = sequence.asked;
    for (std::size_t p = first; p < sequence.tokens.size(); ++p) {
      const bool decided = p < sequence.decided();
      const bool pending = !decided && sequence.drafts[p - sequence.decided()].pending;
      if (pending || sequence.request.audit) turn.rows.push_back(static_cast<int>(p) - 1);
    }
    const std::size_t read = static_cast<std::size_t>(turn.rows.back()) + 1;
    requests.push_back({turn.slot, std::span(sequence.tokens).first(read), turn.rows});
    due.push_back(&turn);
  }
  if (due.empty()) return;
  const ForwardCost cost = llm_.forward(requests);
  account_llm(due, cost);
  planner_.saw_llm_pass(static_cast<int>(due.size()), cost.positions, cost.seconds);
  for (std::size_t i = 0; i < due.size(); ++i) verify(*due[i], i);
}

/// Decides drafts by the LLM's rows, in order, up to the first guess that the LLM does not share.
void Decoder::verify(Turn& turn, std::size_t request) {
  Sequence& sequence = *turn.sequence;
  double seconds = turn.llm_seconds;  // borne by the first token that is decided
  for (std::size_t i = 0; i < turn.rows.size() && !sequence.finish; ++i) {
    const auto position = static_cast<std::size_t>(turn.rows[i]) + 1;
    const Token token = sample(sequence, llm_.row(request, i).logits, position);
    if (position < sequence.decided()) {
      TokenRecord& record = sequence.records[position - sequence.request.prompt.size()];
      record.llm_agrees = record.id == token;
      continue;
    }
    while (sequence.decided() < position && !sequence.finish) commit_front(sequence);
    if (sequence.finish) return;
    const std::size_t held = sequence.drafts.size();
    settle_front(sequence, token, std::exchange(seconds, 0.0));
    if (sequence.drafts.size() + 1 < held) return;  // the rest was dropped
  }
  while (!sequence.drafts.empty() && !sequence.finish) commit_front(sequence);
}

/// Commits the first draft as the LLM decides.
void Decoder::settle_front(Sequence& sequence, Token llm_token, double llm_seconds) {
  Draft& front = sequence.drafts.front();
  const std::size_t position = sequence.decided();
  sequence.asked = position + 1;
  if (!front.pending) {
    front.record.llm_agrees = front.record.id == llm_token;
    commit_front(sequence);
    return;
  }
  front.record.llm_seconds = llm_seconds;
  const Token guess = front.record.id;
  const bool accepted = guess == llm_token;
  if (guess != kNoToken) {
    planner_.saw_decision(front.record.score, accepted);
    for (Counters* c : {&sequence.counters, &totals_}) ++(accepted ? c->accepted : c->rejected);
  }
  if (!accepted) {
    const auto behind = static_cast<std::int64_t>(sequence.drafts.size()) - 1;
    sequence.counters.dropped += behind;
    totals_.dropped += behind;
    front.record.id = llm_token;
    sequence.tokens.resize(position);
    sequence.tokens.push_back(llm_token);
    sequence.drafts.resize(1);
  }
  commit_front(sequence);
}

/// The first draft becomes a token of the answer.
void Decoder::commit_front(Sequence& sequence) {
  const Vocab& vocab = slm_.model().vocab();
  TokenRecord record = std::move(sequence.drafts.front().record);
  sequence.drafts.erase(sequence.drafts.begin());
  record.piece = vocab.piece(record.id);
  const auto now = std::chrono::steady_clock::now();
  record.seconds = std::chrono::duration<double>(now - sequence.last_time).count();
  sequence.last_time = now;
  sequence.text.push(record.piece, record.writer);
  const bool by_llm = record.writer == Writer::kLlm;
  for (Counters* c : {&sequence.counters, &totals_}) ++(by_llm ? c->llm_tokens : c->slm_tokens);
  const Token token = record.id;
  sequence.records.push_back(std::move(record));

  if (vocab.is_end_of_generation(token) && !sequence.request.ignore_eog) {
    sequence.finish = FinishReason::kEndOfGeneration;
  } else if (sequence.text.stopped()) {
    sequence.finish = FinishReason::kStopString;
  } else if (static_cast<int>(sequence.records.size()) >= sequence.request.max_tokens) {
    sequence.finish = FinishReason::kLength;
  }
  if (!sequence.finish) return;
  sequence.text.finish();
  sequence.drop_drafts();
}

}  // namespace citer
