#include "decode/decoder.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/rng.h"
#include "citer/error.h"

namespace citer {

namespace {

std::size_t index(int slot) { return static_cast<std::size_t>(slot); }

/// Stream of an answer's random numbers: its prompt, so that an answer does not depend on what else
/// is in the batch.
std::uint64_t stream_of(const std::vector<Token>& prompt) {
  const auto* bytes = reinterpret_cast<const char*>(prompt.data());
  return hash64({bytes, prompt.size() * sizeof(Token)});
}

}  // namespace

Sequence::Sequence(DecodeRequest r, int n_vocab, std::uint64_t s)
    : request(std::move(r)),
      stream(s),
      tokens(request.prompt),
      text(request.stop),
      sampler(n_vocab, request.sampling, stream),
      start_time(std::chrono::steady_clock::now()),
      last_time(start_time) {}

Decoder::Decoder(ModelContext& slm, ModelContext& llm, int slots)
    : slm_(slm), llm_(llm), slots_(index(slots)) {}

int Decoder::context_size() const { return std::min(slm_.context_size(), llm_.context_size()); }

std::optional<int> Decoder::free_slot() const {
  const auto free = std::find(slots_.begin(), slots_.end(), nullptr);
  if (free == slots_.end()) return std::nullopt;
  return static_cast<int>(free - slots_.begin());
}

void Decoder::check(const DecodeRequest& request) const {
  check_sampling_options(request.sampling);
  const auto prompt_size = static_cast<int>(request.prompt.size());
  if (prompt_size == 0) throw UsageError("the prompt is empty");
  if (!(request.threshold >= 0 && request.threshold <= 1)) {
    throw UsageError(
        fmt::format("--threshold: expected a number in [0, 1], found {}", request.threshold));
  }
  const int room = context_size() - prompt_size;
  if (room < 1) {
    throw UsageError(fmt::format("the prompt has {} tokens, the context holds {} (-c sets it)",
                                 prompt_size, context_size()));
  }
  if (request.max_tokens > room) {
    throw UsageError(
        fmt::format("the prompt has {} tokens and -n asks for {} more; the context holds {} (-c "
                    "sets it)",
                    prompt_size, request.max_tokens, context_size()));
  }
}

void Decoder::start(int slot, DecodeRequest request) {
  check(request);
  if (request.max_tokens <= 0) {
    request.max_tokens = context_size() - static_cast<int>(request.prompt.size());
  }
  const std::uint64_t stream = stream_of(request.prompt);
  slots_[index(slot)] =
      std::make_unique<Sequence>(std::move(request), slm_.model().vocab().size(), stream);
}

Sequence Decoder::release(int slot) {
  Sequence sequence = std::move(*slots_[index(slot)]);
  slots_[index(slot)].reset();
  return sequence;
}

const std::vector<int>& Decoder::step() {
  list_turns();
  run_slm();
  run_llm([](const Turn& turn) { return turn.sequence->request.policy->needs().llm; });
  score();
  run_llm(llm_writes);
  progressed_.clear();
  for (const Turn& turn : turns_) {
    commit(turn);
    progressed_.push_back(turn.slot);
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

/// Asks for the row after each sequence's last token.
std::vector<RowRequest>& Decoder::requests_for(const std::vector<Turn*>& turns) {
  rows_.clear();
  last_.clear();
  for (const Turn* turn : turns)
    last_.push_back(static_cast<int>(turn->sequence->tokens.size()) - 1);
  for (std::size_t i = 0; i < turns.size(); ++i) {
    rows_.push_back({turns[i]->slot, turns[i]->sequence->tokens, {&last_[i], 1}});
  }
  return rows_;
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
  const ForwardCost cost = slm_.forward(requests_for(readers), hidden);
  totals_.slm_passes += cost.passes;
  totals_.slm_positions += cost.positions;
  totals_.slm_seconds += cost.seconds;
  for (std::size_t i = 0; i < readers.size(); ++i) {
    Turn& turn = *readers[i];
    Counters& counters = turn.sequence->counters;
    const RequestCost& part = cost.requests[i];
    turn.slm_row = i;
    turn.slm_seconds = cost.seconds * part.positions / cost.positions;
    counters.slm_passes += part.passes;
    counters.slm_positions += part.positions;
    counters.slm_cache_reads += part.cache_reads;
    totals_.slm_cache_reads += part.cache_reads;
    counters.slm_seconds += turn.slm_seconds;
  }
}

/// Brings the LLM to the sequences that want it and have no row of it yet.
void Decoder::run_llm(bool (*wants)(const Turn&)) {
  std::vector<Turn*> readers;
  for (Turn& turn : turns_) {
    if (turn.llm_row == kNone && wants(turn)) readers.push_back(&turn);
  }
  if (readers.empty()) return;
  // A second pass of this step would overwrite the rows of the first; a policy that needs the LLM
  // to score is rare enough to read its rows again.
  for (Turn& turn : turns_) {
    if (turn.llm_row != kNone) readers.push_back(&turn);
  }
  const ForwardCost cost = llm_.forward(requests_for(readers));
  totals_.llm_passes += cost.passes;
  totals_.llm_positions += cost.positions;
  totals_.llm_seconds += cost.seconds;
  for (std::size_t i = 0; i < readers.size(); ++i) {
    Turn& turn = *readers[i];
    Counters& counters = turn.sequence->counters;
    const RequestCost& part = cost.requests[i];
    const double seconds = cost.seconds * part.positions / cost.positions;
    turn.llm_row = i;
    turn.llm_seconds += seconds;
    counters.llm_passes += part.passes;
    counters.llm_positions += part.positions;
    counters.llm_cache_reads += part.cache_reads;
    totals_.llm_cache_reads += part.cache_reads;
    counters.llm_seconds += seconds;
  }
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

void Decoder::commit(const Turn& turn) {
  Sequence& sequence = *turn.sequence;
  const bool by_llm = llm_writes(turn);
  const Row row = by_llm ? llm_.row(turn.llm_row, 0) : slm_.row(turn.slm_row, 0);
  const Vocab& vocab = slm_.model().vocab();
  // Padding that only one vocabulary has is never drawn: it stands for no text.
  const auto n_vocab =
      static_cast<std::size_t>(std::min(vocab.size(), llm_.model().vocab().size()));
  const Token token = sequence.sampler.sample(row.logits.first(n_vocab), sequence.tokens);

  TokenRecord record;
  record.id = token;
  record.piece = vocab.piece(token);
  record.writer = by_llm ? Writer::kLlm : Writer::kSlm;
  record.score = turn.score;
  const auto now = std::chrono::steady_clock::now();
  record.seconds = std::chrono::duration<double>(now - sequence.last_time).count();
  sequence.last_time = now;
  record.slm_seconds = turn.slm_seconds;
  record.llm_seconds = turn.llm_seconds;
  sequence.tokens.push_back(token);
  sequence.text.push(record.piece, record.writer);
  ++(by_llm ? sequence.counters.llm_tokens : sequence.counters.slm_tokens);
  ++(by_llm ? totals_.llm_tokens : totals_.slm_tokens);
  sequence.records.push_back(std::move(record));

  if (vocab.is_end_of_generation(token) && !sequence.request.ignore_eog) {
    sequence.finish = FinishReason::kEndOfGeneration;
  } else if (sequence.text.stopped()) {
    sequence.finish = FinishReason::kStopString;
  } else if (static_cast<int>(sequence.records.size()) >= sequence.request.max_tokens) {
    sequence.finish = FinishReason::kLength;
  }
  if (sequence.finish) sequence.text.finish();
}

}  // namespace citer
