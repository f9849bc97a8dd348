#include "decode/scheduler.h"

#include <algorithm>
#include <array>

namespace citer {

namespace {

using Kind = StepPlan::Kind;

constexpr std::size_t kNoLimit = ~std::size_t{0};
/// Tokens of a prompt that are scored in one step: their rows are kept at once.
constexpr std::size_t kRowsAtOnce = 64;
/// Tokens that a sequence reads at once without being held to read a prompt: after a correction,
/// what others wrote.
constexpr std::size_t kShortRead = 16;
/// Tokens that the LLM reads at most in passes whose times are compared.
constexpr std::size_t kShortPass = 64;

bool runs(const SlotView& view) { return view.sequence != nullptr && !view.sequence->finish; }

std::size_t running(const std::vector<SlotView>& slots) {
  return static_cast<std::size_t>(std::count_if(slots.begin(), slots.end(), runs));
}

/// Whether a step reads with the LLM outside its passes over pending tokens.
bool needs_llm(const SlotView& view) {
  return runs(view) &&
         (view.sequence->request.policy->needs().llm || view.sequence->scores_prompt());
}

std::size_t unread_by_llm(const SlotView& view) {
  return view.sequence->llm_tokens().size() - view.llm_cached;
}

/// After which of its tokens the LLM has to decide.
std::vector<int> rows_to_decide(const Sequence& sequence) {
  if (sequence.llm_side) return {static_cast<int>(sequence.llm_side->tokens.size()) - 1};
  const bool audit = sequence.request.audit;
  const std::size_t decided = sequence.decided();
  std::vector<int> rows;
  for (std::size_t p = audit ? sequence.verified : decided; p < sequence.tokens.size(); ++p) {
    const bool pending = p >= decided && sequence.drafts[p - decided].pending;
    if (pending || audit) rows.push_back(static_cast<int>(p) - 1);
  }
  return rows;
}

}  // namespace

StepPlan Scheduler::next(const Slots& slots, const PassUnderWay& llm) {
  const bool somebody_drafts = std::any_of(slots.begin(), slots.end(), [&](const SlotView& view) {
    return runs(view) && may_draft(*view.sequence);
  });
  StepPlan next;
  if (llm.is_made &&
      (llm.is_done || !somebody_drafts || std::any_of(slots.begin(), slots.end(), needs_llm))) {
    next.kind = Kind::kCollect;
    return next;
  }
  constexpr std::array kTurns = {Kind::kScorePrompt, Kind::kDraft, Kind::kVerify};
  const auto last =
      static_cast<std::size_t>(std::find(kTurns.begin(), kTurns.end(), last_) - kTurns.begin());
  for (std::size_t i = 1; i <= kTurns.size() && next.kind == Kind::kNothing; ++i) {
    const Kind kind = kTurns[(last + i) % kTurns.size()];
    if (llm.is_made && kind == Kind::kVerify) continue;
    next = plan(kind, slots);
  }
  if (next.kind != Kind::kNothing) last_ = next.kind;
  if (options_.by_times) {
    next.evictions = evictions(slots, !llm.is_made);
    choose_threads(next, slots);
  }
  return next;
}

StepPlan Scheduler::plan(Kind kind, const Slots& slots) {
  if (kind == Kind::kScorePrompt) return score_prompt(slots);
  return kind == Kind::kDraft ? draft(slots) : verify(slots);
}

void Scheduler::observe(const StepPlan& plan, const StepOutcome& outcome) {
  if (plan.kind == Kind::kDraft && outcome.slm.positions > 0) observe_slm(plan, outcome.slm);
  if (outcome.llm.positions > 0) observe_llm(plan, outcome);
  for (const SlotOutcome& slot : outcome.slots) {
    if (slot.draft && slot.cost.slm_passes > 0) planner_.saw_draft(slot.draft->pending);
    for (const Decision& decision : slot.decisions) {
      if (decision.guesses) planner_.saw_decision(*decision.guesses, decision.drawn.id);
    }
  }
}

/// Another number of threads is tried with short passes alone.
void Scheduler::choose_threads(StepPlan& plan, const Slots& slots) const {
  std::size_t unread = 0;
  for (const Read& read : plan.llm) {
    const SlotView& view = slots[static_cast<std::size_t>(read.slot)];
    unread += read.length - std::min(read.length, view.llm_cached);
  }
  plan.slm_threads = plan.slm_steps ? slm_threads_.threads() : slm_threads_.chosen();
  plan.llm_threads = unread <= kShortPass ? llm_threads_.threads() : llm_threads_.chosen();
}

void Scheduler::observe_slm(const StepPlan& plan, const ForwardCost& cost) {
  if (!plan.slm_steps) {
    planner_.saw_slm_prefill(cost.positions, cost.seconds);
    return;
  }
  const PassTimes& times = planner_.slm_times();
  const double expected = times.is_known() ? times.at(cost.positions) : 0.0;
  const ThreadTuner::Verdict verdict = slm_threads_.saw(cost.seconds, expected);
  if (!verdict.counts) return;
  if (verdict.is_new) llm_threads_.try_soon();
  planner_.scale_slm(verdict.scale);
  planner_.saw_slm_step(cost.positions, cost.seconds);
}

void Scheduler::observe_llm(const StepPlan& plan, const StepOutcome& outcome) {
  const ForwardCost& cost = outcome.llm;
  const PassTimes& times = planner_.llm_times();
  const bool is_short = static_cast<std::size_t>(cost.positions) <= kShortPass;
  if (is_short && plan.llm_threads == llm_threads_.threads()) {
    const double expected = times.is_known() ? times.at(cost.positions) : 0.0;
    const ThreadTuner::Verdict verdict = llm_threads_.saw(cost.seconds, expected);
    if (!verdict.counts) return;
    if (verdict.is_new) slm_threads_.try_soon();
    planner_.scale_llm(verdict.scale);
  }
  int decisions = 0;
  for (const SlotOutcome& slot : outcome.slots) {
    decisions += static_cast<int>(slot.decisions.size());
  }
  planner_.saw_llm_pass(static_cast<int>(cost.requests.size()), cost.positions, decisions,
                        cost.seconds);
}

Phase Scheduler::phase_of(const Sequence& sequence) const {
  if (sequence.drafts.empty()) {
    return sequence.records.empty() ? Phase::kPrefill : Phase::kDrafting;
  }
  // With a thread of its own the LLM verifies whenever it is free; the SLM need not stop.
  // Whoever waits goes on waiting, also where new pass times would now let it draft.
  const bool waits = sequence.phase == Phase::kPending || sequence.is_full() ||
                     (!options_.overlap && is_due(sequence));
  return waits ? Phase::kPending : Phase::kDrafting;
}

bool Scheduler::may_draft(const Sequence& sequence) const {
  if (sequence.scores_prompt()) return false;
  if (sequence.phase == Phase::kVerifying) return options_.overlap && !sequence.is_full();
  return sequence.phase == Phase::kPrefill || sequence.phase == Phase::kDrafting;
}

/// Whether its pending tokens are to be verified before more is drafted.
bool Scheduler::is_due(const Sequence& sequence) const {
  const std::vector<Guesses> pending = sequence.pending();
  const int limit = sequence.request.pending_limit;
  if (limit > 0) return pending.size() >= static_cast<std::size_t>(limit);
  return sequence.drafts.back().pending && planner_.should_verify(pending);
}

/// Whether the next token needs no pass of the SLM: the LLM is known to write it, and no guess is
/// needed since the LLM verifies at once. Threshold 0 is the SLM alone, whatever the policy.
bool Scheduler::skips_slm(const Sequence& sequence, double threshold) const {
  const DecodeRequest& request = sequence.request;
  if (sequence.prompt_score) return llm_writes(*sequence.prompt_score, threshold);
  if (!request.policy->needs().slm) return threshold > 0;
  if (threshold < 1) return false;
  std::vector<Guesses> held = sequence.pending();
  held.emplace_back();
  const int limit = request.pending_limit;
  if (limit > 0) return held.size() >= static_cast<std::size_t>(limit);
  return !options_.overlap && planner_.should_verify(held);
}

/// One chunk of one prompt.
StepPlan Scheduler::score_prompt(const Slots& slots) const {
  StepPlan plan;
  for (std::size_t slot = 0; slot < slots.size() && plan.kind == Kind::kNothing; ++slot) {
    if (!runs(slots[slot]) || !slots[slot].sequence->scores_prompt()) continue;
    const Sequence& sequence = *slots[slot].sequence;
    const std::size_t begin = std::max<std::size_t>(1, sequence.prompt_records.size());
    plan.kind = Kind::kScorePrompt;
    plan.hidden = sequence.request.policy->needs().hidden;
    plan.prompt.slot = static_cast<int>(slot);
    plan.prompt.length = std::min(begin + kRowsAtOnce, sequence.request.prompt.size());
    for (std::size_t i = begin; i < plan.prompt.length; ++i) {
      plan.prompt.rows.push_back(static_cast<int>(i) - 1);
    }
  }
  return plan;
}

/// One draft for every sequence that can go on. At most a chunk of prompts is read: a sequence
/// whose prompt is not read to the end gets no row, and no draft yet.
StepPlan Scheduler::draft(const Slots& slots) const {
  StepPlan plan;
  plan.guesses = planner_.guess_table();
  plan.slm_steps = true;
  auto room = reads_in_chunks(slots) ? static_cast<std::size_t>(planner_.slm_chunk(running(slots)))
                                     : kNoLimit;
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    if (!runs(slots[slot]) || !may_draft(*slots[slot].sequence)) continue;
    plan.kind = Kind::kDraft;
    const Sequence& sequence = *slots[slot].sequence;
    const bool slm_writes = sequence.slm_stands || sequence.is_inside_character();
    DraftPlan draft{static_cast<int>(slot), slm_writes ? 0.0 : sequence.threshold()};
    if (sequence.opens() && !slm_writes) {
      draft.threshold = 1.0;
      read_opening(plan, draft.slot, slots[slot], room);
    } else if (!skips_slm(sequence, draft.threshold)) {
      const std::size_t length = sequence.tokens.size();
      const std::size_t have = std::min(slots[slot].slm_cached, length - 1);
      const std::size_t missing = length - have;
      plan.slm_steps &= missing == 1;
      if (missing > std::max(room, kShortRead)) {
        if (room > 0) plan.slm.push_back({draft.slot, have + room, {}});
        room = 0;
        continue;
      }
      if (missing > kShortRead) room -= missing;
      plan.hidden |= sequence.request.policy->needs().hidden && !sequence.prompt_score;
      draft.slm_read = plan.slm.size();
      plan.slm.push_back(
          {draft.slot, length, {static_cast<int>(length) - 1}, sequence.draft_form()});
    }
    plan.drafts.push_back(draft);
  }
  plan_llm_scores(plan, slots);
  return plan;
}

/// What the SLM reads of a prompt while the LLM writes the first tokens.
void Scheduler::read_opening(StepPlan& plan, int slot, const SlotView& view, std::size_t& room) {
  const std::size_t have = view.slm_cached;
  const std::size_t wanted = view.sequence->opening_part();
  const std::size_t part = std::min(room, wanted - std::min(have, wanted));
  if (part == 0) return;
  plan.slm.push_back({slot, have + part, {}});
  plan.slm_steps = false;
  room -= part;
}

/// Rows of the LLM's, for policies that score with them.
void Scheduler::plan_llm_scores(StepPlan& plan, const Slots& slots) const {
  for (DraftPlan& draft : plan.drafts) {
    const Sequence& sequence = *slots[static_cast<std::size_t>(draft.slot)].sequence;
    if (!sequence.request.policy->needs().llm) continue;
    const std::size_t length = sequence.tokens.size();
    draft.llm_read = plan.llm.size();
    plan.llm.push_back({draft.slot, length, {static_cast<int>(length) - 1}, sequence.draw_form()});
  }
}

/// One pass of the LLM for all sequences that wait, where the gate lets it through.
StepPlan Scheduler::verify(const Slots& slots) {
  StepPlan plan;
  std::vector<int> moving;
  std::vector<int> waiting;
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    if (!runs(slots[slot])) continue;
    const Sequence& sequence = *slots[slot].sequence;
    const bool waits =
        sequence.phase == Phase::kPending || (options_.overlap && !sequence.drafts.empty());
    (waits ? waiting : moving).push_back(static_cast<int>(slot));
  }
  // Whom a pass had no room for is not held again.
  if (waiting.empty() || (!some_left_over_ && gate_holds(waiting, slots))) return plan;
  const std::size_t all_waiting = waiting.size();
  const bool catch_up_only = prepares_short_pass(waiting, slots);
  std::size_t room = kNoLimit;
  const bool in_chunks = reads_in_chunks(slots) && !options_.llm_is_remote;
  if (in_chunks) {
    room = static_cast<std::size_t>(planner_.llm_chunk(running(slots)));
    in_order_of_patience(waiting, slots);
  }
  const std::size_t all_room = room;
  for (const int slot : waiting) {
    if (auto read =
            verification(slot, slots[static_cast<std::size_t>(slot)], room, catch_up_only)) {
      plan.llm.push_back(std::move(*read));
    }
  }
  if (in_chunks) {
    if (auto ahead = reading_ahead(moving, all_room - room, slots)) {
      plan.llm.push_back(std::move(*ahead));
    }
  }
  const auto decided = std::count_if(plan.llm.begin(), plan.llm.end(),
                                     [](const Read& read) { return !read.rows.empty(); });
  some_left_over_ = static_cast<std::size_t>(decided) < all_waiting;
  plan.kind = Kind::kVerify;
  return plan;
}

/// With a thread of its own the LLM verifies whenever it is free.
bool Scheduler::gate_holds(const std::vector<int>& waiting, const Slots& slots) {
  if (!options_.by_times || options_.overlap) return false;
  Waiting who;
  for (const SlotView& view : slots) {
    if (!runs(view)) continue;
    ++(skips_slm(*view.sequence, view.sequence->threshold()) ? who.by_llm : who.routed);
  }
  who.waiting = static_cast<int>(waiting.size());
  for (const int slot : waiting) {
    const SlotView& view = slots[static_cast<std::size_t>(slot)];
    who.longest = std::max(who.longest, view.sequence->seconds_since_token());
    who.unread += static_cast<std::int64_t>(unread_by_llm(view));
  }
  return planner_.gate_holds(who);
}

/// Where a short pass is wanted: whether those that wait are to catch up first. If some have, the
/// pass is for them alone.
bool Scheduler::prepares_short_pass(std::vector<int>& waiting, const Slots& slots) const {
  if (!options_.by_times || options_.llm_is_remote || !planner_.wants_short_pass()) return false;
  const auto caught_up = std::stable_partition(waiting.begin(), waiting.end(), [&](int slot) {
    const SlotView& view = slots[static_cast<std::size_t>(slot)];
    return view.llm_cached + 1 >= view.sequence->llm_decided();
  });
  if (caught_up == waiting.begin()) return true;
  waiting.erase(caught_up, waiting.end());
  return false;
}

/// Short reads first, but nobody is passed over for more than some times what reading takes.
void Scheduler::in_order_of_patience(std::vector<int>& waiting, const Slots& slots) const {
  constexpr double kTimes = 4.0;
  std::vector<std::pair<double, int>> order;
  order.reserve(waiting.size());
  for (const int slot : waiting) {
    const SlotView& view = slots[static_cast<std::size_t>(slot)];
    const double reading =
        static_cast<double>(unread_by_llm(view)) * planner_.llm_times().long_token();
    order.emplace_back(kTimes * reading - view.sequence->waits_since.seconds(), slot);
  }
  std::sort(order.begin(), order.end());
  std::transform(order.begin(), order.end(), waiting.begin(),
                 [](const auto& entry) { return entry.second; });
}

/// What the LLM reads of a sequence that waits: at most `room` tokens, which it takes off, and a
/// part of what it has to catch up on where that is more, or no more than that is wanted. Nothing
/// where there is no room.
std::optional<Read> Scheduler::verification(int slot, const SlotView& view, std::size_t& room,
                                            bool catch_up_only) const {
  if (room == 0) return std::nullopt;
  Read read{slot, 0, rows_to_decide(*view.sequence), view.sequence->draw_form()};
  read.length = static_cast<std::size_t>(read.rows.back()) + 1;
  const auto first_row = static_cast<std::size_t>(read.rows.front());
  const std::size_t have = std::min(view.llm_cached, first_row);
  if ((read.length - have > room || catch_up_only) && have < first_row) {
    read.length = have + std::min(room, first_row - have);
    read.rows.clear();
  }
  room -= std::min(room, read.length - have);
  return read;
}

/// What fills up a pass of so many tokens to whole tiles of a matrix product, where it costs next
/// to nothing: tokens of the one among `moving` that has most to catch up on, should it wait later.
std::optional<Read> Scheduler::reading_ahead(const std::vector<int>& moving, std::size_t read,
                                             const Slots& slots) const {
  const std::size_t in_last_tile = read % SpeculationPlanner::kTile;
  if (2 * in_last_tile <= SpeculationPlanner::kTile) return std::nullopt;
  const SlotView* best = nullptr;
  for (const int slot : moving) {
    const SlotView& view = slots[static_cast<std::size_t>(slot)];
    const PolicyNeeds needs = view.sequence->request.policy->needs();
    const bool may_wait = needs.slm && !needs.per_prompt && view.sequence->threshold() > 0;
    if (may_wait && (best == nullptr || unread_by_llm(view) > unread_by_llm(*best))) best = &view;
  }
  if (best == nullptr) return std::nullopt;
  const std::size_t length = std::min(best->llm_cached + SpeculationPlanner::kTile - in_last_tile,
                                      best->sequence->llm_decided());
  if (length <= best->llm_cached) return std::nullopt;
  return Read{static_cast<int>(best - slots.data()), length, {}};
}

/// Where there is one slot, nobody waits for who reads; and what is written does not depend on
/// time.
bool Scheduler::reads_in_chunks(const Slots& slots) const {
  return options_.by_times && slots.size() > 1;
}

/// Attention reads what idle slots hold, too: the sequences share one cache.
std::vector<Eviction> Scheduler::evictions(const Slots& slots, bool llm_is_free) const {
  // 0: not known yet, or a cache whose size is not.
  const double slm_keep = planner_.slm_times().is_known()
                              ? planner_.slm_keep_passes(options_.slm_tokens_per_weights)
                              : 0.0;
  const double llm_keep = planner_.llm_times().is_known() && llm_is_free
                              ? planner_.llm_keep_passes(options_.llm_tokens_per_weights)
                              : 0.0;
  std::vector<Eviction> evictions;
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    const SlotView& view = slots[slot];
    if (view.sequence != nullptr) continue;
    const auto outlived = [](std::size_t held, std::int64_t idle, double keep) {
      return held > 0 && keep > 0 && static_cast<double>(idle) > keep;
    };
    const Eviction eviction{static_cast<int>(slot),
                            outlived(view.slm_cached, view.slm_idle, slm_keep),
                            outlived(view.llm_cached, view.llm_idle, llm_keep)};
    if (eviction.slm || eviction.llm) evictions.push_back(eviction);
  }
  return evictions;
}

}  // namespace citer
