#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/worker.h"
#include "decode/step_plan.h"
#include "model/context.h"

namespace citer {

/// Carries plans out on both models: passes, scores, draws. Changes no sequence but its sampler's
/// scratch; all that was found out is in the outcome.
class Executor {
 public:
  using Sequences = std::vector<std::unique_ptr<Sequence>>;

  /// With `overlap` the LLM verifies on a thread of its own; `by_text`: the models' vocabularies
  /// differ (LlmSide). The contexts must outlive this.
  Executor(ModelContext& slm, Context& llm, bool overlap, bool by_text);

  /// Throws Error when a pass or a policy fails; the caches are then in order. What is wrong with
  /// one sequence alone is its SlotOutcome::error.
  StepOutcome run(const StepPlan& plan, const Sequences& sequences);

  /// The pass that verifies beside what else is done.
  PassUnderWay under_way() const;
  /// Its reads; empty: there is none.
  const std::vector<Read>& reads_under_way() const { return reads_; }

 private:
  StepOutcome draft(const StepPlan& plan, const Sequences& sequences);
  void score(const StepPlan& plan, const Sequences& sequences, StepOutcome& outcome);
  PolicyInput policy_input(const DraftPlan& draft, const Sequence& sequence) const;
  void draw_draft(const StepPlan& plan, const DraftPlan& draft, Sequence& sequence,
                  SlotOutcome& slot);
  void for_each_draw(std::size_t n, const std::vector<Read>& reads,
                     const std::function<void(std::size_t i)>& draw);
  StepOutcome score_prompt(const StepPlan& plan, const Sequences& sequences);
  void begin(const std::vector<Read>& reads, const Sequences& sequences);
  void end(const std::function<void()>& pass);
  ForwardCost forward_llm(std::span<const RowRequest> requests);
  StepOutcome collect(const Sequences& sequences);
  void decide(const Read& read, std::size_t request, Sequence& sequence, SlotOutcome& slot);
  Token sample(Sequence& sequence, const Row& row, std::size_t position, Counters& cost,
               Token without = kNoToken);
  void fill(Drawn& drawn, Sequence& sequence, std::size_t position) const;

  ModelContext& slm_;
  Context& llm_;
  ThreadPool pool_;  ///< draws for several sequences at once

  std::vector<Read> reads_;                 ///< of the pass under way
  std::vector<std::vector<Token>> tokens_;  ///< theirs, a copy: drafts may be appended meanwhile
  std::vector<std::size_t> decided_;        ///< how many of them are decided
  std::vector<Draw> draws_;                 ///< how theirs may be drawn
  ForwardCost llm_cost_;                    ///< of that pass, when it is done
  std::unique_ptr<Worker> llm_thread_;      ///< with overlap; last: it uses the others
};

}  // namespace citer
