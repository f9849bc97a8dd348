#include "decode/slot_cache.h"

#include <algorithm>

namespace citer {

namespace {

/// A shorter common beginning is an accident (a template's first words): not worth giving up what
/// the slot that has been idle longest would lose.
constexpr std::size_t kWorthIt = 16;

/// Whether a sequence that has not read its prompt yet will come to hold so much of this one's.
/// Where `to_the_end`, only what reaches to the end of its prompt can be shared.
bool will_share(const Sequence& other, std::span<const Token> prompt, std::size_t more_than,
                bool to_the_end) {
  if (other.phase != Phase::kPrefill) return false;
  const std::vector<Token>& theirs = other.request.prompt;
  const auto [ours, end] =
      std::mismatch(prompt.begin(), prompt.end(), theirs.begin(), theirs.end());
  if (to_the_end && theirs.end() - end > 1) return false;
  return static_cast<std::size_t>(ours - prompt.begin()) >= more_than + kWorthIt;
}

bool keeps_state(const Context& context) {
  const Model* model = context.local_model();
  return model != nullptr && model->memory() == MemoryKind::kState;
}

}  // namespace

SlotCache::SlotCache(ModelContext& slm, Context& llm, int slots)
    : slm_(slm),
      llm_(llm),
      used_at_(static_cast<std::size_t>(slots)),
      idle_since_(static_cast<std::size_t>(slots)) {}

void SlotCache::reset() {
  std::fill(used_at_.begin(), used_at_.end(), 0);
  std::fill(idle_since_.begin(), idle_since_.end(), Counters());
  clock_ = 0;
}

std::size_t SlotCache::held(int sequence, const PromptTokens& prompt) const {
  const std::size_t held =
      slm_.cached_prefix(sequence, prompt.slm) + llm_.cached_prefix(sequence, prompt.llm);
  return held < kWorthIt ? 0 : held;
}

std::optional<Placement> SlotCache::place(const PromptTokens& prompt, const Sequences& sequences,
                                          std::optional<int> wanted) const {
  std::optional<int> best;
  std::size_t best_holds = 0;
  std::optional<int> source;
  std::size_t source_holds = 0;
  const auto slots = static_cast<int>(used_at_.size());
  const bool to_the_end = keeps_state(slm_) && keeps_state(llm_);
  for (int s = 0; s < slm_.sequences(); ++s) {
    const std::size_t holds = held(s, prompt);
    if (holds > source_holds) {
      source = s;
      source_holds = holds;
    }
    if (s >= slots) continue;
    const auto at = static_cast<std::size_t>(s);
    if (sequences[at] != nullptr) {
      if (will_share(*sequences[at], prompt.slm, holds, to_the_end)) return std::nullopt;
      continue;
    }
    if (wanted && s != *wanted) continue;
    const bool idle_longer =
        best && holds == best_holds && used_at_[at] < used_at_[static_cast<std::size_t>(*best)];
    if (!best || holds > best_holds || idle_longer) {
      best = s;
      best_holds = holds;
    }
  }
  if (!best) return std::nullopt;
  if (source_holds < best_holds + kWorthIt) source.reset();
  return Placement{*best, source};
}

void SlotCache::fork(const Placement& placement, const PromptTokens& prompt) {
  if (!placement.source) return;
  const int source = *placement.source;
  slm_.fork(source, placement.slot, slm_.cached_prefix(source, prompt.slm));
  llm_.fork(source, placement.slot, llm_.cached_prefix(source, prompt.llm));
}

std::vector<SlotView> SlotCache::view(const Sequences& sequences, const Counters& totals,
                                      bool llm_is_free) const {
  std::vector<SlotView> views(sequences.size());
  for (std::size_t slot = 0; slot < views.size(); ++slot) {
    const auto s = static_cast<int>(slot);
    SlotView& view = views[slot];
    view.sequence = sequences[slot].get();
    if (view.sequence == nullptr) {
      view.slm_cached = slm_.cached(s).size();
      if (llm_is_free) view.llm_cached = llm_.cached(s).size();
      view.slm_idle = totals.slm_passes - idle_since_[slot].slm_passes;
      view.llm_idle = totals.llm_passes - idle_since_[slot].llm_passes;
      continue;
    }
    view.slm_cached = slm_.cached_prefix(s, view.sequence->tokens);
    if (llm_is_free) view.llm_cached = llm_.cached_prefix(s, view.sequence->llm_tokens());
  }
  return views;
}

}  // namespace citer
