#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "decode/executor.h"
#include "decode/invariants.h"
#include "decode/scheduler.h"
#include "decode/sequence.h"
#include "decode/slot_cache.h"
#include "model/context.h"

namespace citer {

/// What both models have read in a slot.
struct SlotState {
  SequenceState slm{};
  SequenceState llm{};  ///< without tokens where a server has it
};

/// Routing for N sequences at once. A step is planned (Scheduler), carried out (Executor) and
/// committed (commit()). The SLM drafts a token for every sequence that can go on and the policy
/// scores it. At or above the threshold the SLM's token stands (unless a token before it is
/// pending); below, the token is pending, and where pending tokens are due the LLM catches up on
/// all tokens it has not seen, in one forward pass shared by all sequences that wait, and verifies
/// them: up to the first where it disagrees with what was guessed they stand, there its own token
/// is put, and what was drafted behind is dropped.
///
/// With one pending token this is plain routing (CITER, arXiv 2502.01976, section 3; no draft is
/// ever dropped). With more it is speculative routing: the same text in fewer LLM passes, since a
/// draw depends on its logits and its place alone; at threshold 1 it is speculative decoding
/// (Leviathan et al., arXiv 2211.17192) with coupled draws. Neither cache is recomputed.
///
/// With `overlap` the LLM's passes are made on a thread of their own and the SLM drafts on
/// meanwhile: for models on two devices. SchedulerOptions::by_times says what else there is.
///
/// One thread at a time. Sequences join and leave between steps.
class Decoder {
 public:
  /// Answers are written in the first `slots` sequences of both contexts, which must outlive the
  /// decoder. `by_text`: the models' vocabularies differ, and requests bring their prompts in both;
  /// the LLM then reads and writes the text in its own tokens (LlmSide).
  Decoder(ModelContext& slm, Context& llm, int slots, bool overlap = false, bool by_text = false);

  /// For serving many at once; see SchedulerOptions::by_times. `max_wait`: seconds that a token may
  /// wait at most, see SpeculationPlanner::set_max_wait().
  void schedule_by_times(std::optional<double> max_wait = {}) {
    scheduler_.schedule_by_times(max_wait);
  }

  /// The free slot that suits this prompt best (SlotCache::place()), with its caches forked where
  /// that helps. Nothing while the prompt has to wait for one. `llm_prompt`: the same in the LLM's
  /// own tokens, where they are others. `wanted`: this slot alone will do.
  std::optional<int> claim_slot(const std::vector<Token>& prompt,
                                const std::vector<Token>& llm_prompt = {},
                                std::optional<int> wanted = {});

  /// Throws UsageError for what cannot be written: empty prompt, prompt and token limit that do not
  /// fit the context, threshold outside [0, 1], sampling options out of range, no such slot. Any
  /// thread may call it.
  void check(const DecodeRequest& request) const;

  /// A checked request as a sequence that start() takes. Any thread may call it.
  std::unique_ptr<Sequence> prepare(DecodeRequest request) const;

  /// Starts an answer in a free slot.
  void start(int slot, std::unique_ptr<Sequence> sequence);
  /// Throws as check() says.
  void start(int slot, DecodeRequest request) { start(slot, prepare(std::move(request))); }

  /// Plans, carries out and commits one step; returns the slots whose answers grew or ended since
  /// the last one. When a model fails, the answers in its pass end with FinishReason::kError, and
  /// the others go on.
  std::vector<int> step();

  const Sequence& at(int slot) const { return *sequences_[static_cast<std::size_t>(slot)]; }
  TextStream& text(int slot) { return sequences_[static_cast<std::size_t>(slot)]->text; }

  /// Gives the slot back and hands the answer out, finished or not. The caches keep what they hold:
  /// the next answer with the same beginning reuses it, if it comes before keeping it has cost as
  /// much as reading it again.
  Sequence release(int slot);

  /// What a free slot's caches hold. Throws ResourceError.
  SlotState save(int slot);
  /// Lets a free slot hold what was saved, as if its last answer had just ended; or what it held
  /// before, and throws InputError, where that does not fit.
  void restore(int slot, const SlotState& state);

  /// Drops both caches and what is known of free slots: answers that follow do not depend, not even
  /// in the last digit, on what was written before. All slots must be free.
  void reset();

  /// For check_invariants().
  Snapshot snapshot() const;

  /// Tokens an answer may hold, prompt included.
  int context_size() const;

  /// Passes of all sequences together, a shared pass counted once.
  const Counters& totals() const { return totals_; }
  const SpeculationPlanner& planner() const { return scheduler_.planner(); }
  /// Whether a pass of the LLM is under way: its context is not to be touched.
  bool is_verifying() const { return executor_.under_way().is_made; }
  /// Ends the pass under way, if there is one.
  void collect();

 private:
  void run(const StepPlan& plan);
  void settle(int slot);
  void fail(const std::vector<int>& slots, const std::string& error);
  std::vector<int> grown();

  ModelContext& slm_;
  Context& llm_;
  Executor::Sequences sequences_;  ///< by slot; null: free
  SlotCache cache_;
  Scheduler scheduler_;
  Counters totals_;
  std::vector<std::size_t> reported_;  ///< by slot, how far step() has reported its growth
  Executor executor_;                  ///< last: its thread ends first
};

}  // namespace citer
