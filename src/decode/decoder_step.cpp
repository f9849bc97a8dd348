// One step of the decoder: the SLM reads, the policy scores, a token is drafted.

#include <algorithm>
#include <utility>

#include "base/stopwatch.h"
#include "citer/error.h"
#include "decode/decoder.h"

namespace citer {

namespace {

/// Drafts a sequence holds at most.
constexpr std::size_t kMostDrafts = 48;
/// Tokens that a sequence reads at once without being held to read a prompt: after a rejection,
/// what others wrote.
constexpr std::size_t kShortRead = 16;

int last_index(const Sequence& sequence) { return static_cast<int>(sequence.tokens.size()) - 1; }

}  // namespace

const std::vector<int>& Decoder::step() {
  try {
    // What the pass decides may take drafts back, so it is ended before turns are taken, or not at
    // all in this step; waited for where this step needs the LLM's context itself.
    const bool goes_on = llm_thread_ && llm_thread_->is_busy() && !needs_llm_context();
    if (!asked_.empty() && !goes_on) end_llm_pass();
    score_prompts();
    list_turns();
    if (turns_.empty() && !asked_.empty()) end_llm_pass();
    run_slm();
    run_llm_for_scores();
    score();
    for (Turn& turn : turns_) draft(turn);
    if (asked_.empty()) ask_llm();
    if (by_times_) drop_idle_beginnings();
  } catch (...) {
    give_up_drafts();
    throw;
  }
  progressed_.clear();
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    Sequence* sequence = slots_[slot].get();
    if (sequence == nullptr) continue;
    const std::size_t length = sequence->records.size() + (sequence->finish ? 1 : 0);
    if (std::exchange(sequence->told, length) != length) {
      progressed_.push_back(static_cast<int>(slot));
    }
  }
  return progressed_;
}

/// After a failure: what was decided stays, all else is dropped.
void Decoder::give_up_drafts() {
  if (llm_thread_) {
    try {
      llm_thread_->wait();
    } catch (const Error&) {
      // The failure that brought us here, or one that came with it.
    }
  }
  asked_.clear();
  for (const auto& sequence : slots_) {
    if (sequence != nullptr && !sequence->finish) sequence->drop_drafts();
  }
}

/// Whether the LLM writes the token: its score is below the threshold. Threshold 1 is the LLM
/// alone, even where a score rounds to 1.
bool Decoder::llm_writes(const Turn& turn) {
  return turn.score < turn.threshold || turn.threshold >= 1;
}

/// Whether the token needs no pass of the SLM: the LLM is known to write it, and no guess is needed
/// since the LLM will be asked at once. Threshold 0 is the SLM alone, whatever the policy.
bool Decoder::skips_slm(const Turn& turn) const {
  const Sequence& sequence = *turn.sequence;
  const DecodeRequest& request = sequence.request;
  if (sequence.prompt_score) return llm_writes(turn);
  if (!request.policy->needs().slm) return turn.threshold > 0;
  if (turn.threshold < 1) return false;
  std::vector<Guesses> held = sequence.pending();
  held.emplace_back();
  if (request.pending_limit > 0)
    return held.size() >= static_cast<std::size_t>(request.pending_limit);
  return !llm_thread_ && planner_.should_ask(held);
}

/// Whether a step reads with the LLM outside its passes over pending tokens.
bool Decoder::needs_llm_context() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const auto& s) {
    return s != nullptr && !s->finish && (s->request.policy->needs().llm || s->scores_prompt());
  });
}

std::size_t Decoder::running() const {
  return static_cast<std::size_t>(std::count_if(
      slots_.begin(), slots_.end(), [](const auto& s) { return s != nullptr && !s->finish; }));
}

void Decoder::list_turns() {
  turns_.clear();
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    Sequence* sequence = slots_[slot].get();
    if (sequence == nullptr || sequence->finish || sequence->waits || sequence->scores_prompt()) {
      continue;
    }
    Turn turn{static_cast<int>(slot), sequence};
    turn.threshold = sequence->threshold();
    turn.score = sequence->prompt_score.value_or(0.0F);
    turns_.push_back(turn);
  }
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
  const ForwardCost cost = read_with_slm(readers, hidden);
  totals_.slm_passes += cost.passes;
  if (cost.positions == static_cast<int>(readers.size())) {
    planner_.saw_slm_step(cost.positions, cost.seconds);
  } else {
    planner_.saw_slm_prefill(cost.positions, cost.seconds);
  }
  for (std::size_t i = 0; i < readers.size(); ++i) {
    Turn& turn = *readers[i];
    if (!turn.reads_on) turn.slm_row = i;
    const RequestCost& part = cost.requests[i];
    turn.slm_seconds = cost.seconds * part.positions / std::max(1, cost.positions);
    turn.sequence->counters.slm_passes += part.passes;
    for (Counters* c : {&turn.sequence->counters, &totals_}) {
      c->slm_cache_reads += part.cache_reads;
      c->slm_positions += part.positions;
      c->slm_seconds += turn.slm_seconds;
    }
  }
}

/// One pass for the rows after each sequence's last token. At most a chunk of prompts is read: a
/// sequence whose prompt is not read to the end gets no row.
ForwardCost Decoder::read_with_slm(const std::vector<Turn*>& turns, bool hidden) {
  auto room = by_times_ ? static_cast<std::size_t>(planner_.slm_chunk(running())) : kNoLimit;
  std::vector<int> last;
  last.reserve(turns.size());
  for (const Turn* turn : turns) last.push_back(last_index(*turn->sequence));
  std::vector<RowRequest> requests;
  requests.reserve(turns.size());
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const std::span<const Token> tokens = turns[i]->sequence->tokens;
    const std::size_t have = slm_.cached_prefix(turns[i]->slot, tokens);
    const std::size_t missing = tokens.size() - std::min(have, tokens.size() - 1);
    if (missing <= std::max(room, kShortRead)) {
      if (missing > kShortRead) room -= missing;
      requests.push_back({turns[i]->slot, tokens, {&last[i], 1}});
      continue;
    }
    turns[i]->reads_on = true;
    requests.push_back({turns[i]->slot, tokens.first(have + room), {}});
    room = 0;
  }
  return slm_.forward(requests, hidden);
}

void Decoder::run_llm_for_scores() {
  std::vector<Turn*> readers;
  for (Turn& turn : turns_) {
    if (turn.sequence->request.policy->needs().llm && !turn.reads_on) readers.push_back(&turn);
  }
  if (readers.empty()) return;
  std::vector<int> last;
  last.reserve(readers.size());
  for (const Turn* turn : readers) last.push_back(last_index(*turn->sequence));
  std::vector<RowRequest> requests;
  requests.reserve(readers.size());
  for (std::size_t i = 0; i < readers.size(); ++i) {
    requests.push_back({readers[i]->slot, readers[i]->sequence->tokens, {&last[i], 1}});
  }
  const ForwardCost cost = llm_.forward(requests);
  totals_.llm_passes += cost.passes;
  for (std::size_t i = 0; i < readers.size(); ++i) {
    Turn& turn = *readers[i];
    turn.llm_row = i;
    turn.llm_seconds = cost.seconds * cost.requests[i].positions / std::max(1, cost.positions);
    account_llm(*turn.sequence, cost.requests[i], turn.llm_seconds);
  }
}

PolicyInput Decoder::policy_input(const Turn& turn) const {
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
  return input;
}

/// Scores all turns, those of one policy in one batch.
void Decoder::score() {
  std::vector<bool> done;
  done.reserve(turns_.size());
  for (const Turn& turn : turns_) done.push_back(turn.sequence->prompt_score || turn.reads_on);
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
      // A last guess that is not needed gives no row to score, and needs no score.
      const bool scored = turn.slm_row != kNone || !policy.needs().slm;
      if (done[i] || !scored || turn.sequence->request.policy.get() != &policy) continue;
      inputs.push_back(policy_input(turn));
      members.push_back(i);
      done[i] = true;
    }
    scores.resize(members.size());
    const Stopwatch watch;
    policy.score(inputs, scores);
    const double seconds =
        watch.seconds() / static_cast<double>(std::max<std::size_t>(members.size(), 1));
    for (std::size_t k = 0; k < members.size(); ++k) {
      Sequence& sequence = *turns_[members[k]].sequence;
      turns_[members[k]].score = scores[k];
      if (policy.needs().per_prompt) sequence.prompt_score = scores[k];
      for (Counters* c : {&sequence.counters, &totals_}) c->router_seconds += seconds;
    }
  }
}

/// The token at `position` by these logits, the tokens before it given.
Token Decoder::sample(Sequence& sequence, std::span<const float> logits, std::size_t position,
                      Token without) {
  const Stopwatch watch;
  // Padding that only one vocabulary has is never drawn: it stands for no text.
  const auto n_vocab =
      static_cast<std::size_t>(std::min(slm_.model().vocab().size(), llm_.model().vocab().size()));
  const auto context = std::span(sequence.tokens).first(position);
  const Token token = sequence.sampler.sample(logits.first(n_vocab), context, without);
  const double seconds = watch.seconds();
  for (Counters* c : {&sequence.counters, &totals_}) c->sampling_seconds += seconds;
  return token;
}

/// Appends the next token as a draft; it is committed at once where nothing before it is pending
/// and it needs no pass of the LLM.
void Decoder::draft(Turn& turn) {
  if (turn.reads_on) return;
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
  std::span<const float> logits;
  if (by_llm && has_llm_row) {
    logits = llm_.row(turn.llm_row, 0).logits;
  } else if (turn.slm_row != kNone && !(by_llm && request.pending_limit == 1)) {
    logits = slm_.row(turn.slm_row, 0).logits;
  }
  if (!logits.empty()) {
    draft.record.id = sample(sequence, logits, sequence.tokens.size());
    if (draft.pending) {
      const Token slm = draft.record.id;
      const Token runner_up = sample(sequence, logits, sequence.tokens.size(), slm);
      const float lead =
          logits[static_cast<std::size_t>(slm)] - logits[static_cast<std::size_t>(runner_up)];
      draft.guesses = {turn.score, slm, runner_up, lead};
      draft.record.id = planner_.best(draft.guesses);
    }
    if (request.sampling.top_logprobs >= 0 && !draft.pending) {
      draft.record.logprobs = logprobs_of(logits, draft.record.id, request.sampling.top_logprobs);
    }
  }
  if (turn.slm_row != kNone) planner_.saw_draft(draft.pending);
  sequence.tokens.push_back(draft.record.id);
  sequence.drafts.push_back(std::move(draft));
  if (!sequence.drafts.front().pending) commit_front(sequence);
  sequence.is_read = true;
  sequence.waits = must_wait(sequence);
  if (sequence.waits) sequence.waits_since = Stopwatch();
}

/// Whether nothing more can be drafted before the LLM has decided.
bool Decoder::must_wait(const Sequence& sequence) const {
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
  // With a thread of its own the LLM is asked whenever it is free; the SLM need not stop.
  return !llm_thread_ && is_due(sequence);
}

/// Whether the LLM is to be asked before more is drafted.
bool Decoder::is_due(const Sequence& sequence) const {
  const std::vector<Guesses> pending = sequence.pending();
  const int limit = sequence.request.pending_limit;
  if (limit > 0) return pending.size() >= static_cast<std::size_t>(limit);
  return sequence.drafts.back().pending && planner_.should_ask(pending);
}

}  // namespace citer
