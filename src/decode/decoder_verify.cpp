// The LLM's part: it reads what it has not seen and decides pending tokens.

#include <algorithm>
#include <utility>

#include "citer/error.h"
#include "decode/decoder.h"

namespace citer {

void Decoder::account_llm(Sequence& sequence, const RequestCost& part, double seconds) {
  sequence.counters.llm_passes += part.passes;
  for (Counters* c : {&sequence.counters, &totals_}) {
    c->llm_cache_reads += part.cache_reads;
    c->llm_positions += part.positions;
    c->llm_seconds += seconds;
  }
}

/// Begins one pass of the LLM for all sequences whose pending tokens are due, and ends it unless it
/// has a thread of its own.
void Decoder::ask_llm() {
  std::vector<int> moving;
  std::vector<int> due;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    const Sequence* sequence = slots_[slot].get();
    if (sequence == nullptr || sequence->finish) continue;
    const bool is_due = !sequence->drafts.empty() && (sequence->waits || llm_thread_);
    (is_due ? due : moving).push_back(static_cast<int>(slot));
  }
  if (due.empty()) return;
  const auto count = [](const std::vector<int>& slots) { return static_cast<int>(slots.size()); };
  if (by_times_ && !llm_thread_ && planner_.should_wait(count(due), count(moving))) return;

  std::size_t room = kNoLimit;
  if (by_times_) {
    room = static_cast<std::size_t>(planner_.llm_chunk(running()));
    in_order_of_patience(due);
  }
  const std::size_t all_room = room;
  for (const int slot : due) {
    if (auto asked = question(slot, room)) asked_.push_back(std::move(*asked));
  }
  if (by_times_) {
    if (auto ahead = reading_ahead(moving, all_room - room)) asked_.push_back(std::move(*ahead));
  }
  const auto pass = [this] {
    std::vector<RowRequest> requests;
    requests.reserve(asked_.size());
    for (const Asked& asked : asked_) requests.push_back({asked.slot, asked.tokens, asked.rows});
    llm_cost_ = llm_.forward(requests);
  };
  if (llm_thread_) {
    llm_thread_->start(pass);
    return;
  }
  pass();
  end_llm_pass();
}

/// Short reads first, but nobody is passed over for more than some times what reading takes.
void Decoder::in_order_of_patience(std::vector<int>& slots) const {
  constexpr double kTimes = 4.0;
  std::vector<std::pair<double, int>> order;
  order.reserve(slots.size());
  for (const int slot : slots) {
    const double reading =
        static_cast<double>(unread_by_llm(slot)) * planner_.llm_times().long_token();
    order.emplace_back(kTimes * reading - at(slot).waits_since.seconds(), slot);
  }
  std::sort(order.begin(), order.end());
  std::transform(order.begin(), order.end(), slots.begin(),
                 [](const auto& entry) { return entry.second; });
}

/// What fills up a pass of so many tokens to whole tiles of a matrix product, where it costs next
/// to nothing: tokens of the one among `moving` that has most to catch up on, should it ask later.
std::optional<Decoder::Asked> Decoder::reading_ahead(const std::vector<int>& moving,
                                                     std::size_t asked) const {
  const std::size_t in_last_tile = asked % SpeculationPlanner::kTile;
  if (2 * in_last_tile <= SpeculationPlanner::kTile) return std::nullopt;
  std::optional<int> best;
  for (const int slot : moving) {
    const Sequence& sequence = at(slot);
    const PolicyNeeds needs = sequence.request.policy->needs();
    const bool may_ask = needs.slm && !needs.per_prompt && sequence.threshold() > 0;
    if (may_ask && (!best || unread_by_llm(slot) > unread_by_llm(*best))) best = slot;
  }
  if (!best) return std::nullopt;
  const std::span<const Token> tokens = at(*best).tokens;
  const std::size_t have = llm_.cached_prefix(*best, tokens);
  const std::size_t read =
      std::min(have + SpeculationPlanner::kTile - in_last_tile, at(*best).decided());
  if (read <= have) return std::nullopt;
  return Asked{*best, {tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(read)}, {}};
}

std::size_t Decoder::unread_by_llm(int slot) const {
  const std::span<const Token> tokens = at(slot).tokens;
  return tokens.size() - std::min(tokens.size(), llm_.cached_prefix(slot, tokens));
}

/// What the LLM is asked about a sequence, which reads at most `room` tokens and takes them off: a
/// part of what it has to catch up on where that is more. Nothing where there is no room.
std::optional<Decoder::Asked> Decoder::question(int slot, std::size_t& room) const {
  const Sequence& sequence = at(slot);
  Asked asked{slot, {}, {}};
  const std::size_t decided = sequence.decided();
  for (std::size_t p = sequence.request.audit ? sequence.asked : decided;
       p < sequence.tokens.size(); ++p) {
    const bool pending = p >= decided && sequence.drafts[p - decided].pending;
    if (pending || sequence.request.audit) asked.rows.push_back(static_cast<int>(p) - 1);
  }
  const std::span<const Token> tokens = sequence.tokens;
  std::size_t read = static_cast<std::size_t>(asked.rows.back()) + 1;
  const auto first_row = static_cast<std::size_t>(asked.rows.front());
  const std::size_t have = std::min(llm_.cached_prefix(slot, tokens), first_row);
  if (room == 0) return std::nullopt;
  if (read - have > room && have < first_row) {
    read = std::min(have + room, first_row);
    asked.rows.clear();
  }
  room -= std::min(room, read - have);
  asked.tokens.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(read));
  return asked;
}

/// Waits for the pass under way and takes its decisions.
void Decoder::end_llm_pass() {
  if (llm_thread_) llm_thread_->wait();
  const std::vector<Asked> asked = std::exchange(asked_, {});
  totals_.llm_passes += llm_cost_.passes;
  planner_.saw_llm_pass(static_cast<int>(asked.size()), llm_cost_.positions, llm_cost_.seconds);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const RequestCost& part = llm_cost_.requests[i];
    const double seconds = llm_cost_.seconds * part.positions / std::max(1, llm_cost_.positions);
    account_llm(*slots_[static_cast<std::size_t>(asked[i].slot)], part, seconds);
    if (!asked[i].rows.empty()) verify(asked[i], i, seconds);
  }
}

/// Decides drafts by the LLM's rows, in order, up to the first guess that the LLM does not share.
void Decoder::verify(const Asked& asked, std::size_t request, double seconds) {
  Sequence& sequence = *slots_[static_cast<std::size_t>(asked.slot)];
  sequence.waits = false;
  for (std::size_t i = 0; i < asked.rows.size() && !sequence.finish; ++i) {
    const auto position = static_cast<std::size_t>(asked.rows[i]) + 1;
    const std::span<const float> logits = llm_.row(request, i).logits;
    if (position < sequence.decided()) {
      TokenRecord& record = sequence.records[position - sequence.request.prompt.size()];
      record.llm_agrees = record.id == sample(sequence, logits, position);
      continue;
    }
    while (sequence.decided() < position && !sequence.finish) commit_front(sequence);
    if (sequence.finish) return;
    const std::size_t held = sequence.drafts.size();
    const Token token = sample(sequence, logits, position);
    settle_front(sequence, token, logits, std::exchange(seconds, 0.0));
    if (sequence.drafts.size() + 1 < held) return;  // the rest was dropped
  }
  while (!sequence.drafts.empty() && !sequence.drafts.front().pending && !sequence.finish) {
    commit_front(sequence);
  }
  if (!sequence.finish) sequence.waits = must_wait(sequence);
}

/// Commits the first draft as the LLM decides. The pass's `llm_seconds` are borne by the first
/// token that it decides.
void Decoder::settle_front(Sequence& sequence, Token llm_token, std::span<const float> llm_logits,
                           double llm_seconds) {
  Draft& front = sequence.drafts.front();
  const std::size_t position = sequence.decided();
  sequence.asked = position + 1;
  if (!front.pending) {
    front.record.llm_agrees = front.record.id == llm_token;
    commit_front(sequence);
    return;
  }
  front.record.llm_seconds = llm_seconds;
  const int top_logprobs = sequence.request.sampling.top_logprobs;
  if (top_logprobs >= 0) {
    front.record.logprobs = logprobs_of(llm_logits, llm_token, top_logprobs);
  }
  const Token guess = front.record.id;
  const bool accepted = guess == llm_token;
  if (guess >= 0) {
    front.record.llm_agrees = front.guesses.slm == llm_token;
    front.record.guessed = accepted;
    planner_.saw_decision(front.guesses, llm_token);
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

  const bool ends = vocab.is_end_of_generation(token) && !sequence.request.ignore_eog;
  const auto decided = std::span(sequence.tokens).first(sequence.decided());
  if (ends || sequence.sampler.is_complete(decided)) {
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
