#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "decode/step_plan.h"
#include "model/context.h"

namespace citer {

/// Where a prompt's answer is best written: which slot, and whose caches are shared with it first.
struct Placement {
  int slot = 0;
  std::optional<int> source{};  ///< fork the caches of this one
};

/// A prompt in the tokens of each model: the same ones, unless their vocabularies differ.
struct PromptTokens {
  std::span<const Token> slm;
  std::span<const Token> llm;
};

/// Knows which sequence of both contexts holds which prefix, and how long free slots have been
/// idle.
class SlotCache {
 public:
  using Sequences = std::vector<std::unique_ptr<Sequence>>;

  /// The contexts must outlive it; the first `slots` sequences of both are slots, further ones may
  /// hold prefixes to fork from.
  SlotCache(ModelContext& slm, Context& llm, int slots);

  /// The free slot whose caches hold most of this prompt's beginning, else the one that has been
  /// idle longest; with a source where another's caches hold clearly more. Nothing while all slots
  /// are taken, or while another sequence is about to read the same beginning. `wanted`: this slot
  /// alone will do.
  std::optional<Placement> place(const PromptTokens& prompt, const Sequences& sequences,
                                 std::optional<int> wanted = {}) const;

  /// Shares the source's cached part of the prompt.
  void fork(const Placement& placement, const PromptTokens& prompt);

  /// Forgets which slots were used when.
  void reset();
  void took(int slot) { used_at_[static_cast<std::size_t>(slot)] = ++clock_; }
  void gave_back(int slot, const Counters& totals) {
    idle_since_[static_cast<std::size_t>(slot)] = totals;
  }

  /// What the scheduler is to know; `llm_is_free`: the LLM's cache may be looked at.
  std::vector<SlotView> view(const Sequences& sequences, const Counters& totals,
                             bool llm_is_free) const;

 private:
  std::size_t held(int sequence, const PromptTokens& prompt) const;

  ModelContext& slm_;
  Context& llm_;
  std::vector<std::uint64_t> used_at_;  ///< per slot, when it was last taken
  std::vector<Counters> idle_since_;    ///< per slot, the totals when it was given back
  std::uint64_t clock_ = 0;             ///< counts answers begun
};

}  // namespace citer
