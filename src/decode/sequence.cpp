#include "decode/sequence.h"

#include <algorithm>
#include <cassert>

#include "base/thinking.h"
#include "base/token_hash.h"
#include "base/utf8.h"

namespace citer {

namespace {

/// Drafts a sequence holds at most.
constexpr std::size_t kMostDrafts = 48;

/// Stream of an answer's random numbers: its prompt, so that an answer does not depend on what else
/// is in the batch.
std::uint64_t stream_of(const std::vector<Token>& prompt, std::uint64_t choice) {
  return hash_tokens(prompt) + choice;
}

/// Its draws are those of the LLM alone: their numbers are addressed by its own tokens.
std::optional<LlmSide> llm_side_of(const DecodeRequest& request, int n_vocab) {
  const std::vector<Token>& prompt = request.llm_prompt;
  if (prompt.empty()) return std::nullopt;
  return LlmSide(prompt,
                 ConstrainedSampler(n_vocab, request.sampling, stream_of(prompt, request.choice),
                                    request.llm_constraint, prompt.size()));
}

}  // namespace

Sequence::Sequence(DecodeRequest r, int n_vocab, int n_llm_vocab)
    : request(std::move(r)),
      stream(stream_of(request.prompt, request.choice)),
      tokens(request.prompt),
      verified(request.prompt.size()),
      text(request.stop),
      sampler(n_vocab, request.sampling, stream, request.constraint, request.prompt.size()),
      llm_side(llm_side_of(request, n_llm_vocab)) {}

void Sequence::enter(Phase next) {
  assert(next == phase || may_follow(phase, next));
  if (next == Phase::kPending && phase != next) waits_since = Stopwatch();
  phase = next;
}

void Sequence::drop_drafts() {
  tokens.resize(decided());
  drafts.clear();
}

void Sequence::end(FinishReason reason) {
  drop_drafts();
  finish = reason;
  text.finish();
  enter(Phase::kFinished);
}

RowForm Sequence::draw_form() const {
  return {.sums = request.sampling.top_logprobs >= 0 || request.policy->needs().judges,
          .logits = sampler.needs_logits() ||
                    request.sampling.top_logprobs > static_cast<int>(kLikeliest)};
}

RowForm Sequence::draft_form() const {
  const PolicyNeeds needs = prompt_score ? PolicyNeeds{} : request.policy->needs();
  const RowForm draw = draw_form();
  return {.sums = draw.sums || needs.sums, .logits = draw.logits || needs.logits};
}

Draw Sequence::draw() const {
  const Constraint& constraint = request.constraint;
  if (llm_side || constraint.grammar || constraint.thinking.may_force()) return {};
  return {&request.sampling, stream};
}

double Sequence::seconds_since_token() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - grown).count();
}

bool Sequence::is_inside_character() const {
  return (llm_side || request.llm_reads_text) &&
         complete_utf8_length(text.text()) < text.text().size();
}

std::vector<Guesses> Sequence::pending() const {
  std::vector<Guesses> pending;
  pending.reserve(drafts.size());
  for (const Draft& draft : drafts) {
    if (draft.pending) pending.push_back(draft.guesses);
  }
  return pending;
}

bool Sequence::is_full() const {
  return tokens.back() == kNoToken || drafts.size() >= kMostDrafts ||
         (!drafts.empty() && drafts.back().ends) ||
         written() >= static_cast<std::size_t>(request.max_tokens);
}

double Sequence::threshold() const {
  if (!request.budget) return request.threshold;
  // What was under- or overspent so far is to be made up for within so many tokens.
  constexpr double kHorizon = 24.0;
  auto by_llm = static_cast<double>(counters.llm_tokens);
  for (const Draft& draft : drafts) by_llm += draft.record.writer == Writer::kLlm ? 1 : 0;
  const auto n = static_cast<double>(records.size() + drafts.size());
  const double wanted = *request.budget + (*request.budget * n - by_llm) / kHorizon;
  return request.policy->threshold_for_budget(std::clamp(wanted, 0.0, 1.0))
      .value_or(request.threshold);
}

Answer to_answer(Sequence& sequence) {
  Answer answer;
  SplitText parts = split_thinking(sequence.text.text(), sequence.request.thinking);
  answer.text = std::move(parts.content);
  answer.reasoning = std::move(parts.reasoning);
  answer.finish = sequence.finish.value_or(FinishReason::kLength);
  answer.prompt_tokens = static_cast<int>(sequence.request.prompt.size());
  answer.counters = sequence.counters;
  answer.threshold = sequence.request.threshold;
  answer.promise = sequence.request.promise;
  answer.not_routed = sequence.request.not_routed;
  answer.llm_fault = std::move(sequence.llm_fault);
  answer.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - sequence.started).count();
  answer.tokens = std::move(sequence.records);
  answer.prompt = std::move(sequence.prompt_records);
  return answer;
}

}  // namespace citer
