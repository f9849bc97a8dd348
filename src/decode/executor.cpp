#include "decode/executor.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/stopwatch.h"
#include "citer/error.h"
#include "decode/by_text.h"
#include "decode/scheduler.h"

namespace citer {

namespace {

using Sequences = Executor::Sequences;

Sequence& sequence_of(const Sequences& sequences, int slot) {
  return *sequences[static_cast<std::size_t>(slot)];
}

std::vector<RowRequest> row_requests(const std::vector<Read>& reads, const Sequences& sequences) {
  std::vector<RowRequest> requests;
  requests.reserve(reads.size());
  for (const Read& read : reads) {
    const Sequence& sequence = sequence_of(sequences, read.slot);
    const std::span<const Token> tokens = sequence.tokens;
    requests.push_back(
        {read.slot, tokens.first(read.length), read.rows, read.form, sequence.decided()});
  }
  return requests;
}

double seconds_of(const ForwardCost& cost, std::size_t request) {
  return cost.seconds * cost.requests[request].positions / std::max(1, cost.positions);
}

void add_slm(Counters& to, const ForwardCost& cost, std::size_t request) {
  const RequestCost& part = cost.requests[request];
  to.slm_passes += part.passes;
  to.slm_positions += part.positions;
  to.slm_cache_reads += part.cache_reads;
  to.slm_seconds += seconds_of(cost, request);
}

void add_llm(Counters& to, const ForwardCost& cost, std::size_t request) {
  const RequestCost& part = cost.requests[request];
  to.llm_passes += part.passes;
  to.llm_positions += part.positions;
  to.llm_cache_reads += part.cache_reads;
  to.llm_own_tokens += part.own_tokens;
  to.llm_seconds += seconds_of(cost, request);
}

/// What only one sequence suffers from is its own error.
template <typename Work>
void for_slot(SlotOutcome& slot, const Work& work) {
  try {
    work();
  } catch (const Error& e) {
    slot.error = e.what();
  }
}

}  // namespace

Executor::Executor(ModelContext& slm, Context& llm, bool overlap, bool by_text)
    : slm_(slm),
      llm_(llm),
      pool_(std::max(slm.threads(), llm.threads())),
      llm_thread_(overlap ? std::make_unique<Worker>() : nullptr) {
  if (by_text) return;
  // Padding that only one vocabulary has is never drawn: it stands for no text.
  const int shared = std::min(slm.n_vocab(), llm.n_vocab());
  slm.limit_vocabulary(shared);
  llm.limit_vocabulary(shared);
}

PassUnderWay Executor::under_way() const {
  return {!reads_.empty(), !llm_thread_ || !llm_thread_->is_busy()};
}

StepOutcome Executor::run(const StepPlan& plan, const Sequences& sequences) {
  for (const Eviction& eviction : plan.evictions) {
    if (eviction.slm) slm_.forget(eviction.slot);
    if (eviction.llm) llm_.forget(eviction.slot);
  }
  if (plan.slm_threads > 0) slm_.set_threads(plan.slm_threads);
  if (plan.llm_threads > 0) llm_.set_threads(plan.llm_threads);
  switch (plan.kind) {
    case StepPlan::Kind::kNothing:
      break;
    case StepPlan::Kind::kScorePrompt:
      return score_prompt(plan, sequences);
    case StepPlan::Kind::kDraft:
      return draft(plan, sequences);
    case StepPlan::Kind::kVerify:
      begin(plan.llm, sequences);
      if (!llm_thread_) return collect(sequences);
      break;
    case StepPlan::Kind::kCollect:
      return collect(sequences);
  }
  return {};
}

StepOutcome Executor::draft(const StepPlan& plan, const Sequences& sequences) {
  StepOutcome outcome;
  outcome.slots.reserve(plan.slm.size() + plan.drafts.size());
  if (!plan.slm.empty()) {
    outcome.slm = slm_.forward(row_requests(plan.slm, sequences), plan.hidden);
    outcome.slm_passes = outcome.slm.passes;
  }
  ForwardCost llm;
  if (!plan.llm.empty()) {
    llm = forward_llm(row_requests(plan.llm, sequences));
    outcome.llm_passes = llm.passes;
  }
  for (const DraftPlan& draft : plan.drafts) {
    SlotOutcome& slot = outcome.slots.emplace_back();
    slot.slot = draft.slot;
    if (draft.slm_read != kNoRead) add_slm(slot.cost, outcome.slm, draft.slm_read);
    if (draft.llm_read != kNoRead) add_llm(slot.cost, llm, draft.llm_read);
  }
  for (std::size_t i = 0; i < plan.slm.size(); ++i) {
    if (!plan.slm[i].rows.empty()) continue;
    SlotOutcome& slot = outcome.slots.emplace_back();  // read a part of its prompt
    slot.slot = plan.slm[i].slot;
    add_slm(slot.cost, outcome.slm, i);
  }
  score(plan, sequences, outcome);
  for_each_draw(plan.drafts.size(), plan.slm, [&](std::size_t i) {
    SlotOutcome& slot = outcome.slots[i];
    for_slot(slot,
             [&] { draw_draft(plan, plan.drafts[i], sequence_of(sequences, slot.slot), slot); });
  });
  return outcome;
}

/// Several at once where draws go through whole rows.
void Executor::for_each_draw(std::size_t n, const std::vector<Read>& reads,
                             const std::function<void(std::size_t i)>& draw) {
  const bool is_long =
      std::any_of(reads.begin(), reads.end(), [](const Read& read) { return read.form.logits; });
  if (is_long) {
    pool_.for_each(n, [&](int /*worker*/, std::size_t i) { draw(i); });
  } else {
    for (std::size_t i = 0; i < n; ++i) draw(i);
  }
}

PolicyInput Executor::policy_input(const DraftPlan& draft, const Sequence& sequence) const {
  PolicyInput input;
  if (draft.slm_read != kNoRead) {
    const Row row = slm_.row(draft.slm_read, 0);
    input.slm = row.stats;
    input.slm_logits = row.logits;
    input.slm_hidden = row.hidden;
  }
  if (draft.llm_read != kNoRead) input.llm = llm_.row(draft.llm_read, 0).stats;
  input.seed = sequence.request.sampling.seed;
  input.stream = sequence.stream;
  input.position = sequence.tokens.size();
  return input;
}

/// Scores all drafts, those of one policy in one batch. The scores go into the outcome's drafts.
void Executor::score(const StepPlan& plan, const Sequences& sequences, StepOutcome& outcome) {
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < plan.drafts.size(); ++i) {
    const Sequence& sequence = sequence_of(sequences, plan.drafts[i].slot);
    const bool has_row = plan.drafts[i].slm_read != kNoRead;
    Draft& draft = outcome.slots[i].draft.emplace();
    draft.record.score = sequence.prompt_score.value_or(0.0);
    // A last guess that is not needed gives no row to score, and needs no score.
    const bool scored = has_row || !sequence.request.policy->needs().slm;
    if (scored && !sequence.prompt_score) left.push_back(i);
  }
  while (!left.empty()) {
    const auto policy_of = [&](std::size_t i) {
      return sequence_of(sequences, plan.drafts[i].slot).request.policy.get();
    };
    const RoutingPolicy& policy = *policy_of(left.front());
    const auto others = std::stable_partition(
        left.begin(), left.end(), [&](std::size_t i) { return policy_of(i) == &policy; });
    std::vector<PolicyInput> inputs;
    for (auto i = left.begin(); i != others; ++i) {
      const DraftPlan& draft = plan.drafts[*i];
      inputs.push_back(policy_input(draft, sequence_of(sequences, draft.slot)));
    }
    std::vector<double> scores(inputs.size());
    const Stopwatch watch;
    policy.score(inputs, scores);
    const double seconds = watch.seconds() / static_cast<double>(inputs.size());
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      SlotOutcome& slot = outcome.slots[left[k]];
      slot.draft->record.score = scores[k];
      slot.cost.router_seconds += seconds;
      if (policy.needs().per_prompt) slot.prompt_score = scores[k];
    }
    left.erase(left.begin(), others);
  }
}

/// The token at `position` by this row, the tokens before it given.
Token Executor::sample(Sequence& sequence, const Row& row, std::size_t position, Counters& cost,
                       Token without) {
  const Stopwatch watch;
  const auto context = std::span(sequence.tokens).first(position);
  const Token token = sequence.sampler.sample(row, context, without);
  cost.sampling_seconds += watch.seconds();
  return token;
}

/// What goes with a token's id at its position. An answer ends with an end-of-generation token, or
/// where its grammar lets nothing follow.
void Executor::fill(Drawn& drawn, Sequence& sequence, std::size_t position) const {
  const Vocab& vocab = slm_.model().vocab();
  drawn.piece = vocab.piece(drawn.id);
  const DecodeRequest& request = sequence.request;
  const bool may_end =
      !request.ignore_eog &&
      position >= request.prompt.size() + static_cast<std::size_t>(request.min_tokens);
  drawn.ends = may_end && vocab.is_end_of_generation(drawn.id);
  if (drawn.ends || !request.constraint.grammar) return;
  const auto before = sequence.tokens.begin();
  std::vector<Token> tokens(before, before + static_cast<std::ptrdiff_t>(position));
  tokens.push_back(drawn.id);
  drawn.ends = sequence.sampler.is_complete(tokens);
}

void Executor::draw_draft(const StepPlan& plan, const DraftPlan& planned, Sequence& sequence,
                          SlotOutcome& slot) {
  const DecodeRequest& request = sequence.request;
  Draft& draft = *slot.draft;
  const bool by_llm = llm_writes(draft.record.score, planned.threshold);
  const bool judges = request.policy->needs().judges;
  const bool has_llm_row = planned.llm_read != kNoRead;
  draft.pending = by_llm && !has_llm_row;
  draft.record.writer = by_llm ? Writer::kLlm : Writer::kSlm;
  draft.record.slm_seconds = slot.cost.slm_seconds;
  draft.record.llm_seconds = slot.cost.llm_seconds;
  draft.record.id = kNoToken;
  draft.record.unanswered = sequence.slm_stands;
  if (draft.pending && sequence.llm_side) slot.llm_growth = text_for_llm(sequence, llm_.vocab());
  std::optional<Row> row;
  if (by_llm && has_llm_row) {
    row = llm_.row(planned.llm_read, 0);
  } else if (planned.slm_read != kNoRead && !(by_llm && request.pending_limit == 1 && !judges)) {
    row = slm_.row(planned.slm_read, 0);
  }
  if (!row) return;
  const std::size_t position = sequence.tokens.size();
  Drawn drawn{sample(sequence, *row, position, slot.cost), "", false, {}};
  if (draft.pending) {
    const Token slm = drawn.id;
    const Token runner_up = sample(sequence, *row, position, slot.cost, slm);
    const float lead = row->logit(slm) - row->logit(runner_up);
    draft.guesses = {draft.record.score, slm, runner_up, lead};
    drawn.id = judges ? slm : plan.guesses.best(draft.guesses);
    if (judges) draft.row.emplace(row->stats);
  }
  if ((!draft.pending || judges) && request.sampling.top_logprobs >= 0) {
    draft.record.logprobs = logprobs_of(*row, drawn.id, request.sampling.top_logprobs);
  }
  fill(drawn, sequence, position);
  draft.record.id = drawn.id;
  draft.record.piece = std::move(drawn.piece);
  draft.ends = drawn.ends;
}

void Executor::begin(const std::vector<Read>& reads, const Sequences& sequences) {
  reads_ = reads;
  tokens_.clear();
  decided_.clear();
  draws_.clear();
  for (const Read& read : reads) {
    const Sequence& sequence = sequence_of(sequences, read.slot);
    const std::span<const Token> tokens = sequence.llm_tokens().first(read.length);
    tokens_.emplace_back(tokens.begin(), tokens.end());
    decided_.push_back(sequence.llm_decided());
    draws_.push_back(sequence.draw());
  }
  const auto pass = [this] {
    std::vector<RowRequest> requests;
    requests.reserve(reads_.size());
    for (std::size_t i = 0; i < reads_.size(); ++i) {
      const Read& read = reads_[i];
      requests.push_back({read.slot, tokens_[i], read.rows, read.form, decided_[i], draws_[i]});
    }
    llm_cost_ = llm_.forward(requests);
  };
  if (llm_thread_) {
    llm_thread_->start(pass);
  } else {
    end(pass);
  }
}

/// A pass of the LLM that nothing can stand in for.
ForwardCost Executor::forward_llm(std::span<const RowRequest> requests) {
  ForwardCost cost = llm_.forward(requests);
  for (const RequestCost& part : cost.requests) {
    if (!part.fault.empty()) throw ResourceError(part.fault);
  }
  return cost;
}

/// The pass under way is over, also where it failed.
void Executor::end(const std::function<void()>& pass) {
  try {
    pass();
  } catch (...) {
    reads_.clear();
    throw;
  }
}

/// Waits for the pass under way and takes its decisions.
StepOutcome Executor::collect(const Sequences& sequences) {
  if (llm_thread_) end([this] { llm_thread_->wait(); });
  const std::vector<Read> reads = std::exchange(reads_, {});
  StepOutcome outcome;
  outcome.llm = std::exchange(llm_cost_, {});
  outcome.llm_passes = outcome.llm.passes;
  outcome.slots.resize(reads.size());
  for_each_draw(reads.size(), reads, [&](std::size_t i) {
    SlotOutcome& slot = outcome.slots[i];
    slot.slot = reads[i].slot;
    add_llm(slot.cost, outcome.llm, i);
    slot.llm_fault = outcome.llm.requests[i].fault;
    if (!slot.llm_fault.empty()) return;
    Sequence& sequence = sequence_of(sequences, slot.slot);
    if (!sequence.finish) for_slot(slot, [&] { decide(reads[i], i, sequence, slot); });
  });
  return outcome;
}

/// The LLM's decisions at the rows, in order, up to the first that is not what was guessed.
void Executor::decide(const Read& read, std::size_t request, Sequence& sequence,
                      SlotOutcome& slot) {
  if (sequence.llm_side) {
    if (read.rows.empty()) return;  // a part of its prompt is read
    const Row row = llm_.row(request, 0);
    return decide_by_text(row, slm_.vocab(), llm_.vocab(), sequence, slot);
  }
  const std::size_t decided = sequence.decided();
  for (std::size_t i = 0; i < read.rows.size(); ++i) {
    const auto position = static_cast<std::size_t>(read.rows[i]) + 1;
    const Row row = llm_.row(request, i);
    if (row.stats.likeliest.empty()) return;  // a server has decided no more
    Decision decision{position, {}, {}};
    Drawn& drawn = decision.drawn;
    drawn.id = row.drawn ? *row.drawn : sample(sequence, row, position, slot.cost);
    decision.llm_token = drawn.id;
    const Draft* draft = position < decided ? nullptr : &sequence.drafts[position - decided];
    const bool pending = draft != nullptr && draft->pending;
    if (pending && draft->row) {
      const JudgeInput input{draft->row->stats(), row.stats, draft->record.id};
      decision.score = sequence.request.policy->judge(input);
      decision.by_slm = !llm_writes(*decision.score, sequence.threshold());
      if (decision.by_slm) drawn.id = draft->record.id;
    }
    fill(drawn, sequence, position);
    if (pending && !decision.by_slm) {
      const int top = sequence.request.sampling.top_logprobs;
      if (top >= 0) drawn.logprobs = logprobs_of(row, drawn.id, top);
    }
    if (pending && draft->record.id >= 0) decision.guesses = draft->guesses;
    const bool corrects = pending && draft->record.id != drawn.id;
    slot.decisions.push_back(std::move(decision));
    if (corrects) return;
  }
}

/// Records of prompt tokens as routing would have written them: each gets its logprobs from the
/// model that would write it by the request's policy and threshold, the tokens before it given.
StepOutcome Executor::score_prompt(const StepPlan& plan, const Sequences& sequences) {
  const Read& read = plan.prompt;
  const Sequence& sequence = sequence_of(sequences, read.slot);
  const DecodeRequest& request = sequence.request;
  const PolicyNeeds needs = request.policy->needs();
  const Vocab& vocab = slm_.model().vocab();
  const std::size_t n = read.rows.size();
  StepOutcome outcome;
  SlotOutcome& slot = outcome.slots.emplace_back();
  slot.slot = read.slot;
  const auto pass = [&](Context& model, const std::vector<int>& rows, bool hidden) {
    const auto length = static_cast<std::size_t>(rows.back()) + 1;
    const RowRequest row_request{read.slot, std::span(request.prompt).first(length), rows};
    const ForwardCost cost = model.forward({&row_request, 1}, hidden);
    const bool by_slm = &model == &slm_;
    (by_slm ? outcome.slm_passes : outcome.llm_passes) += cost.passes;
    by_slm ? add_slm(slot.cost, cost, 0) : add_llm(slot.cost, cost, 0);
  };
  const bool reads_slm = n > 0 && (needs.slm || request.threshold <= 0);
  if (reads_slm) pass(slm_, read.rows, needs.hidden);
  const bool reads_llm = n > 0 && (needs.llm || needs.judges);
  if (reads_llm) pass(llm_, read.rows, false);
  std::vector<PolicyInput> inputs(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (reads_slm) inputs[i].slm = slm_.row(0, i).stats;
    if (reads_slm) inputs[i].slm_logits = slm_.row(0, i).logits;
    if (reads_slm) inputs[i].slm_hidden = slm_.row(0, i).hidden;
    if (reads_llm) inputs[i].llm = llm_.row(0, i).stats;
    inputs[i].seed = request.sampling.seed;
    inputs[i].stream = sequence.stream;
    inputs[i].position = static_cast<std::uint64_t>(read.rows[i]) + 1;
  }
  std::vector<double> scores(n);
  const Stopwatch watch;
  if (n > 0) request.policy->score(inputs, scores);
  for (std::size_t i = 0; needs.judges && i < n; ++i) {
    const Token token = request.prompt[static_cast<std::size_t>(read.rows[i]) + 1];
    scores[i] = request.policy->judge({inputs[i].slm, inputs[i].llm, token});
  }
  slot.cost.router_seconds += watch.seconds();

  std::vector<int> by_llm;
  for (std::size_t i = 0; i < n; ++i) {
    if (llm_writes(scores[i], request.threshold)) by_llm.push_back(read.rows[i]);
  }
  if (!by_llm.empty()) pass(llm_, by_llm, false);
  if (sequence.prompt_records.empty()) {  // the first token follows nothing
    TokenRecord& first = slot.prompt_records.emplace_back();
    first.id = request.prompt.front();
    first.piece = vocab.piece(first.id);
  }
  const int top = std::max(0, request.sampling.top_logprobs);
  for (std::size_t i = 0, k = 0; i < n; ++i) {
    const bool llm = k < by_llm.size() && by_llm[k] == read.rows[i];
    TokenRecord& record = slot.prompt_records.emplace_back();
    record.id = request.prompt[static_cast<std::size_t>(read.rows[i]) + 1];
    record.piece = vocab.piece(record.id);
    record.writer = llm ? Writer::kLlm : Writer::kSlm;
    record.score = scores[i];
    const Row row = llm ? llm_.row(0, k++) : slm_.row(0, i);
    record.logprobs = logprobs_of(row, record.id, top);
  }
  return outcome;
}

}  // namespace citer
