#include "decode/decoder.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "citer/error.h"
#include "decode/commit.h"

namespace citer {

namespace {

std::size_t index(int slot) { return static_cast<std::size_t>(slot); }

double tokens_per_weights(const Context& context) {
  const Model* model = context.local_model();
  if (model == nullptr) return 0.0;
  const auto token = static_cast<double>(model->cache_bytes_per_token());
  return token > 0 ? static_cast<double>(model->bytes()) / token : 0.0;
}

/// Threads at most, where their number is free.
int free_threads(const Context& context) {
  const Model* model = context.local_model();
  const bool is_free = model != nullptr && model->options().threads == 0 && model->device().empty();
  return is_free ? model->threads() : 0;
}

void add_slots(const std::vector<Read>& reads, std::vector<int>& slots) {
  for (const Read& read : reads) slots.push_back(read.slot);
}

/// The sequences that a plan is about.
std::vector<int> slots_of(const StepPlan& plan, const std::vector<Read>& under_way) {
  std::vector<int> slots;
  add_slots(plan.slm, slots);
  add_slots(plan.llm, slots);
  for (const DraftPlan& draft : plan.drafts) slots.push_back(draft.slot);
  if (plan.kind == StepPlan::Kind::kScorePrompt) slots.push_back(plan.prompt.slot);
  if (plan.kind == StepPlan::Kind::kCollect) add_slots(under_way, slots);
  return slots;
}

}  // namespace

Decoder::Decoder(ModelContext& slm, Context& llm, int slots, bool overlap, bool by_text)
    : slm_(slm),
      llm_(llm),
      sequences_(index(slots)),
      cache_(slm, llm, slots),
      scheduler_({.overlap = overlap,
                  .llm_is_remote = llm.local_model() == nullptr,
                  .slm_tokens_per_weights = tokens_per_weights(slm),
                  .llm_tokens_per_weights = tokens_per_weights(llm),
                  .slm_threads = free_threads(slm),
                  .llm_threads = free_threads(llm)}),
      reported_(index(slots)),
      executor_(slm, llm, overlap, by_text) {}

int Decoder::context_size() const { return std::min(slm_.context_size(), llm_.context_size()); }

std::optional<int> Decoder::claim_slot(const std::vector<Token>& prompt,
                                       const std::vector<Token>& llm_prompt,
                                       std::optional<int> wanted) {
  collect();  // caches are looked at, and shared
  const PromptTokens both{prompt, llm_prompt.empty() ? prompt : llm_prompt};
  const std::optional<Placement> placement = cache_.place(both, sequences_, wanted);
  if (!placement) return std::nullopt;
  cache_.fork(*placement, both);
  return placement->slot;
}

void Decoder::check(const DecodeRequest& request) const {
  check_sampling_options(request.sampling);
  check_token_options(request.sampling, slm_.model().vocab());
  const auto prompt_size = static_cast<int>(request.prompt.size());
  const auto llm_prompt_size = static_cast<int>(request.llm_prompt.size());
  if (prompt_size == 0) throw UsageError("the prompt is empty");
  if (!(request.threshold >= 0 && request.threshold <= 1)) {
    throw FieldError({"threshold"},
                     fmt::format("expected a number in [0, 1], found {}", request.threshold));
  }
  const auto slots = static_cast<int>(sequences_.size());
  if (request.slot && (*request.slot < 0 || *request.slot >= slots)) {
    throw FieldError({"slot"},
                     fmt::format("expected one of 0 to {}, found {}", slots - 1, *request.slot));
  }
  const int room = context_size() - prompt_size;
  if (room < 1 || llm_prompt_size >= llm_.context_size()) {
    throw FieldError({"context_size"},
                     fmt::format("the prompt has {} tokens, the context holds {}",
                                 std::max(prompt_size, llm_prompt_size), context_size()));
  }
  if (request.max_tokens > room) {
    throw FieldError({"max_tokens", "context_size"},
                     fmt::format("the prompt has {} tokens and {} may follow; the context holds {}",
                                 prompt_size, request.max_tokens, context_size()));
  }
}

std::unique_ptr<Sequence> Decoder::prepare(DecodeRequest request) const {
  check(request);
  if (request.max_tokens < 0) {
    request.max_tokens = context_size() - static_cast<int>(request.prompt.size());
  }
  request.llm_room = index(llm_.context_size());
  return std::make_unique<Sequence>(std::move(request), slm_.model().vocab().size(),
                                    llm_.vocab().size());
}

void Decoder::start(int slot, std::unique_ptr<Sequence> sequence) {
  sequence->enter(Phase::kPrefill);
  sequence->started = sequence->grown = std::chrono::steady_clock::now();
  if (sequence->request.max_tokens == 0 && !sequence->request.score_prompt) {
    sequence->end(FinishReason::kLength);
  }
  reported_[index(slot)] = 0;
  sequences_[index(slot)] = std::move(sequence);
  cache_.took(slot);
}

std::vector<int> Decoder::step() {
  const PassUnderWay llm = executor_.under_way();
  const std::vector<SlotView> view = cache_.view(sequences_, totals_, !llm.is_made);
  const StepPlan plan = scheduler_.next(view, llm);
  const std::string fault = plan_fault(plan, view);
  if (!fault.empty()) throw std::logic_error(fault);
  run(plan);
  return grown();
}

/// The slots whose answers grew or ended since the last call.
std::vector<int> Decoder::grown() {
  std::vector<int> grown;
  for (std::size_t slot = 0; slot < sequences_.size(); ++slot) {
    const Sequence* sequence = sequences_[slot].get();
    if (sequence == nullptr) continue;
    const std::size_t length = sequence->records.size() + (sequence->finish ? 1 : 0);
    if (std::exchange(reported_[slot], length) != length) grown.push_back(static_cast<int>(slot));
  }
  return grown;
}

/// Carries out and commits.
void Decoder::run(const StepPlan& plan) {
  const std::vector<int> slots = slots_of(plan, executor_.reads_under_way());
  try {
    if (plan.kind == StepPlan::Kind::kVerify) {
      for (const Read& read : plan.llm) {
        if (!read.rows.empty()) sequences_[index(read.slot)]->enter(Phase::kVerifying);
      }
    }
    StepOutcome outcome = executor_.run(plan, sequences_);
    scheduler_.observe(plan, outcome);
    commit(std::move(outcome), sequences_, totals_);
  } catch (const Error& e) {
    fail(slots, e.what());
  }
  for (const int slot : slots) settle(slot);
#ifndef NDEBUG
  const std::string fault = check_invariants(snapshot());
  if (!fault.empty()) throw std::logic_error(fault);
#endif
}

/// The phase that what was committed leads to.
void Decoder::settle(int slot) {
  Sequence* sequence = sequences_[index(slot)].get();
  if (sequence == nullptr || sequence->finish) return;
  const auto& reads = executor_.reads_under_way();
  const bool is_verified = std::any_of(reads.begin(), reads.end(), [&](const Read& read) {
    return read.slot == slot && !read.rows.empty();
  });
  sequence->enter(is_verified ? Phase::kVerifying : scheduler_.phase_of(*sequence));
}

void Decoder::fail(const std::vector<int>& slots, const std::string& error) {
  for (const int slot : slots) {
    Sequence* sequence = sequences_[index(slot)].get();
    if (sequence == nullptr || sequence->finish) continue;
    sequence->error = error;
    sequence->end(FinishReason::kError);
  }
}

void Decoder::collect() {
  if (!executor_.under_way().is_made) return;
  StepPlan plan;
  plan.kind = StepPlan::Kind::kCollect;
  run(plan);
}

Sequence Decoder::release(int slot) {
  const auto& reads = executor_.reads_under_way();
  if (std::any_of(reads.begin(), reads.end(), [&](const Read& r) { return r.slot == slot; })) {
    collect();
  }
  Sequence sequence = std::move(*sequences_[index(slot)]);
  sequence.drop_drafts();
  sequences_[index(slot)].reset();
  cache_.gave_back(slot, totals_);
  return sequence;
}

SlotState Decoder::save(int slot) {
  collect();  // caches are looked at
  return {slm_.save(slot), llm_.save(slot)};
}

void Decoder::restore(int slot, const SlotState& state) {
  const auto put = [&](const SlotState& held) {
    slm_.restore(slot, held.slm);
    llm_.restore(slot, held.llm);
  };
  const SlotState before = save(slot);
  try {
    put(state);
  } catch (const InputError&) {
    put(before);
    throw;
  }
  cache_.took(slot);
  cache_.gave_back(slot, totals_);
}

void Decoder::reset() {
  slm_.reset();
  llm_.reset();
  cache_.reset();
}

Snapshot Decoder::snapshot() const {
  return {cache_.view(sequences_, totals_, !is_verifying()), executor_.reads_under_way(),
          index(context_size())};
}

}  // namespace citer
