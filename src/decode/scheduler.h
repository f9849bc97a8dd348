#pragma once

#include <optional>
#include <vector>

#include "decode/planner.h"
#include "decode/step_plan.h"
#include "decode/thread_tuner.h"

namespace citer {

struct SchedulerOptions {
  /// The LLM has a thread of its own: it verifies whenever it is free, the SLM drafts on meanwhile.
  bool overlap = false;
  /// Each pass of the LLM is a trip to a server, however little it reads.
  bool llm_is_remote = false;
  /// Prompts are read in chunks while others write, sequences wait for each other where a shared
  /// LLM pass pays, and idle caches are dropped at last. Without it the schedule, and so every
  /// counter, depends on the requests alone.
  bool by_times = false;
  /// Cached tokens that take the memory of the model's weights; 0: not known.
  double slm_tokens_per_weights = 0.0;
  double llm_tokens_per_weights = 0.0;
  /// With by_times, CPU threads at most, where their number is free; 0: it is not. The LLM's is not
  /// with overlap.
  int slm_threads = 0;
  int llm_threads = 0;
};

/// Turns the state of all sequences into the next step's plan; the one place that knows what to do
/// when. Needs no model. It alone uses the planner.
class Scheduler {
 public:
  explicit Scheduler(const SchedulerOptions& options)
      : options_(options),
        slm_threads_(options.slm_threads),
        llm_threads_(options.overlap ? 0 : options.llm_threads) {}

  /// The next step. Scoring of a prompt, drafting and verifying take turns, as far as there is
  /// something to do; kNothing where nobody can go on.
  StepPlan next(const std::vector<SlotView>& slots, const PassUnderWay& llm);

  /// Learns from what a step took and found out.
  void observe(const StepPlan& plan, const StepOutcome& outcome);

  /// Whether a sequence, which is not finished, waits now or may draft on.
  Phase phase_of(const Sequence& sequence) const;

  const SpeculationPlanner& planner() const { return planner_; }
  /// See SchedulerOptions::by_times and SpeculationPlanner::set_max_wait().
  void schedule_by_times(std::optional<double> max_wait) {
    options_.by_times = true;
    planner_.set_max_wait(max_wait);
  }

 private:
  using Slots = std::vector<SlotView>;

  StepPlan plan(StepPlan::Kind kind, const Slots& slots);
  StepPlan score_prompt(const Slots& slots) const;
  StepPlan draft(const Slots& slots) const;
  StepPlan verify(const Slots& slots);
  bool may_draft(const Sequence& sequence) const;
  bool skips_slm(const Sequence& sequence, double threshold) const;
  bool is_due(const Sequence& sequence) const;
  static void read_opening(StepPlan& plan, int slot, const SlotView& view, std::size_t& room);
  void plan_llm_scores(StepPlan& plan, const Slots& slots) const;
  void in_order_of_patience(std::vector<int>& waiting, const Slots& slots) const;
  bool gate_holds(const std::vector<int>& waiting, const Slots& slots);
  bool prepares_short_pass(std::vector<int>& waiting, const Slots& slots) const;
  std::optional<Read> verification(int slot, const SlotView& view, std::size_t& room,
                                   bool catch_up_only) const;
  std::optional<Read> reading_ahead(const std::vector<int>& moving, std::size_t read,
                                    const Slots& slots) const;
  std::vector<Eviction> evictions(const Slots& slots, bool llm_is_free) const;
  bool reads_in_chunks(const Slots& slots) const;
  void choose_threads(StepPlan& plan, const Slots& slots) const;
  void observe_slm(const StepPlan& plan, const ForwardCost& cost);
  void observe_llm(const StepPlan& plan, const StepOutcome& outcome);

  SchedulerOptions options_;
  SpeculationPlanner planner_;
  bool some_left_over_ = false;  ///< of those that waited for the last LLM pass
  ThreadTuner slm_threads_;
  ThreadTuner llm_threads_;
  StepPlan::Kind last_ = StepPlan::Kind::kVerify;
};

/// Whether the LLM writes a token: its score is below the threshold. Threshold 1 is the LLM alone,
/// even where a score rounds to 1.
inline bool llm_writes(double score, double threshold) {
  return score < threshold || threshold >= 1;
}

}  // namespace citer
