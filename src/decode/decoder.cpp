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
std::uint64_t stream_of(const DecodeRequest& request) {
  const auto* bytes = reinterpret_cast<const char*>(request.prompt.data());
  return hash64({bytes, request.prompt.size() * sizeof(Token)}) + request.choice;
}

}  // namespace

Sequence::Sequence(DecodeRequest r, const Vocab& vocab, std::uint64_t s)
    : request(std::move(r)),
      stream(s),
      tokens(request.prompt),
      asked(request.prompt.size()),
      text(request.stop),
      sampler(vocab, request.sampling, stream, request.constraint, request.prompt.size()),
      start_time(std::chrono::steady_clock::now()),
      last_time(start_time) {}

void Sequence::drop_drafts() {
  tokens.resize(decided());
  drafts.clear();
  waits = false;
}

std::vector<Guesses> Sequence::pending() const {
  std::vector<Guesses> pending;
  pending.reserve(drafts.size());
  for (const Draft& draft : drafts) {
    if (draft.pending) pending.push_back(draft.guesses);
  }
  return pending;
}

Answer to_answer(Sequence& sequence) {
  Answer answer;
  answer.text = sequence.text.text();
  answer.finish = sequence.finish.value_or(FinishReason::kLength);
  answer.prompt_tokens = static_cast<int>(sequence.request.prompt.size());
  answer.counters = sequence.counters;
  answer.threshold = sequence.request.threshold;
  answer.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - sequence.start_time).count();
  answer.tokens = std::move(sequence.records);
  answer.prompt = std::move(sequence.prompt_records);
  return answer;
}

double Sequence::threshold() const {
  if (!request.budget) return request.threshold;
  // What was under- or overspent so far is to be made up for within so many tokens.
  constexpr double kHorizon = 24.0;
  double by_llm = 0.0;
  for (const TokenRecord& record : records) by_llm += record.writer == Writer::kLlm ? 1 : 0;
  for (const Draft& draft : drafts) by_llm += draft.record.writer == Writer::kLlm ? 1 : 0;
  const auto n = static_cast<double>(records.size() + drafts.size());
  const double wanted = *request.budget + (*request.budget * n - by_llm) / kHorizon;
  return request.policy->threshold_for_budget(std::clamp(wanted, 0.0, 1.0))
      .value_or(request.threshold);
}

Decoder::Decoder(ModelContext& slm, ModelContext& llm, int slots, bool overlap)
    : slm_(slm),
      llm_(llm),
      slots_(index(slots)),
      used_at_(index(slots)),
      idle_since_(index(slots)),
      llm_thread_(overlap ? std::make_unique<Worker>() : nullptr) {}

Decoder::~Decoder() = default;

int Decoder::context_size() const { return std::min(slm_.context_size(), llm_.context_size()); }

std::optional<int> Decoder::free_slot() const {
  const auto free = std::find(slots_.begin(), slots_.end(), nullptr);
  if (free == slots_.end()) return std::nullopt;
  return static_cast<int>(free - slots_.begin());
}

std::optional<int> Decoder::claim_slot(const std::vector<Token>& prompt) {
  // A shorter common beginning is an accident (a template's first words): not worth giving up what
  // the slot that has been idle longest would lose.
  constexpr std::size_t kWorthIt = 16;
  if (!asked_.empty()) end_llm_pass();
  const auto cached = [&](int slot) {
    const std::size_t held = slm_.cached_prefix(slot, prompt) + llm_.cached_prefix(slot, prompt);
    return held < kWorthIt ? 0 : held;
  };
  std::optional<int> best;
  std::optional<int> source;
  std::size_t held = 0;
  std::size_t source_holds = 0;
  for (int slot = 0; slot < static_cast<int>(slots_.size()); ++slot) {
    const Sequence* sequence = slots_[index(slot)].get();
    const std::size_t shared = cached(slot);
    if (sequence != nullptr) {
      const auto& theirs = sequence->request.prompt;
      const auto same = std::mismatch(prompt.begin(), prompt.end(), theirs.begin(), theirs.end());
      const auto to_be_shared = static_cast<std::size_t>(same.first - prompt.begin());
      if (!sequence->is_read && to_be_shared >= shared + kWorthIt) return std::nullopt;
    }
    if (shared > source_holds) {
      source = slot;
      source_holds = shared;
    }
    if (sequence != nullptr) continue;
    const bool idle_longer =
        best && shared == held && used_at_[index(slot)] < used_at_[index(*best)];
    if (!best || shared > held || idle_longer) {
      best = slot;
      held = shared;
    }
  }
  if (best && source && source_holds >= held + kWorthIt) {
    slm_.fork(*source, *best, slm_.cached_prefix(*source, prompt));
    llm_.fork(*source, *best, llm_.cached_prefix(*source, prompt));
  }
  return best;
}

void Decoder::check(const DecodeRequest& request) const {
  check_sampling_options(request.sampling);
  check_token_options(request.sampling, slm_.model().vocab());
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
  if (request.max_tokens < 0 || (request.max_tokens == 0 && !request.score_prompt)) {
    request.max_tokens = context_size() - static_cast<int>(request.prompt.size());
  }
  const std::uint64_t stream = stream_of(request);
  slots_[index(slot)] =
      std::make_unique<Sequence>(std::move(request), slm_.model().vocab(), stream);
  used_at_[index(slot)] = ++clock_;
}

/// Attention reads what idle slots hold, too: the sequences share one cache.
void Decoder::drop_idle_beginnings() {
  const auto tokens_per_weights = [](const ModelContext& model) {
    const auto token = static_cast<double>(model.bytes_per_token());
    return token > 0 ? static_cast<double>(model.model().bytes()) / token : 0.0;
  };
  // 0: not known yet, or a cache whose size is not.
  const double slm_keep =
      planner_.slm_times().is_known() ? planner_.slm_keep_passes(tokens_per_weights(slm_)) : 0.0;
  const double llm_keep =
      planner_.llm_times().is_known() ? planner_.llm_keep_passes(tokens_per_weights(llm_)) : 0.0;
  for (int slot = 0; slot < static_cast<int>(slots_.size()); ++slot) {
    if (slots_[index(slot)] != nullptr) continue;
    const Counters& since = idle_since_[index(slot)];
    const auto slm_passes = static_cast<double>(totals_.slm_passes - since.slm_passes);
    const auto llm_passes = static_cast<double>(totals_.llm_passes - since.llm_passes);
    const bool slm_holds = !slm_.cached(slot).empty();
    if (slm_holds && slm_keep > 0 && slm_passes > slm_keep) slm_.forget(slot);
    if (!asked_.empty() || llm_.cached(slot).empty()) continue;
    if (llm_keep > 0 && llm_passes > llm_keep) llm_.forget(slot);
  }
}

Sequence Decoder::release(int slot) {
  const bool is_asked = std::any_of(asked_.begin(), asked_.end(),
                                    [&](const Asked& asked) { return asked.slot == slot; });
  if (is_asked) {
    try {
      end_llm_pass();
    } catch (const Error&) {
      give_up_drafts();  // the next pass will tell the others what is wrong
    }
  }
  Sequence sequence = std::move(*slots_[index(slot)]);
  sequence.drop_drafts();
  slots_[index(slot)].reset();
  idle_since_[index(slot)] = totals_;
  return sequence;
}

}  // namespace citer
