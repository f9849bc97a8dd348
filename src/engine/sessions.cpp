#include "engine/sessions.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/token_hash.h"
#include "citer/error.h"

namespace citer {

namespace {

using Fault = SessionAnswer::Fault;

/// Tokens of one session that a pass reads, so that others do not wait for a long prompt.
constexpr std::size_t kChunk = 512;

RowForm form_of(const SessionStep& step, int n_vocab) {
  const bool needs_logits =
      step.sampling && Sampler(n_vocab, *step.sampling, step.stream).needs_logits();
  return {.sums = true, .logits = needs_logits};
}

}  // namespace

Sessions::Sessions(Context& llm, int first, int count, std::chrono::seconds longest_idle)
    : llm_(llm),
      first_(first),
      longest_idle_(longest_idle),
      held_(static_cast<std::size_t>(count)) {
  status_.capacity = count;
}

SessionsStatus Sessions::status() const {
  SessionsStatus status = status_;
  status.held = static_cast<int>(std::count_if(
      held_.begin(), held_.end(), [](const Held& held) { return !held.session.empty(); }));
  return status;
}

Sessions::Held& Sessions::held_by(const SessionWork& work) {
  return held_[static_cast<std::size_t>(work.sequence - first_)];
}

std::optional<int> Sessions::find(const std::string& session) const {
  const auto at = std::find_if(held_.begin(), held_.end(),
                               [&](const Held& held) { return held.session == session; });
  if (at == held_.end()) return std::nullopt;
  return first_ + static_cast<int>(at - held_.begin());
}

/// A free sequence, or that of the session that has been idle longest.
std::optional<int> Sessions::claim() {
  Held* best = nullptr;
  for (Held& held : held_) {
    if (held.is_busy) continue;
    if (best == nullptr || held.used_at < best->used_at) best = &held;
  }
  if (best == nullptr) return std::nullopt;
  if (!best->session.empty()) ++status_.evicted;
  drop(*best);
  return first_ + static_cast<int>(best - held_.data());
}

void Sessions::drop(Held& held) {
  if (!held.session.empty()) llm_.forget(first_ + static_cast<int>(&held - held_.data()));
  held = {};
}

void Sessions::drop_old() {
  for (Held& held : held_) {
    const bool is_idle = !held.session.empty() && !held.is_busy;
    if (!is_idle || Clock::now() - held.used_at < longest_idle_) continue;
    ++status_.evicted;
    drop(held);
  }
}

void Sessions::begin(SessionWork& work) {
  const SessionStep& step = work.step;
  std::optional<int> sequence = find(step.session);
  if (!sequence && step.keep > 0) {
    return fail(
        work, Fault::kGone,
        fmt::format("session '{}' is not held (any more): send all of its tokens", step.session));
  }
  if (!sequence) sequence = claim();
  if (!sequence) return;
  Held& held = held_[static_cast<std::size_t>(*sequence - first_)];
  if (held.is_busy) return;
  if (step.keep + step.append.size() > static_cast<std::size_t>(llm_.context_size())) {
    return fail(work, Fault::kTooLong,
                fmt::format("{} tokens, but the context holds {}", step.keep + step.append.size(),
                            llm_.context_size()));
  }
  held.session = step.session;
  held.used_at = Clock::now();
  const bool is_there = step.keep <= held.tokens.size();
  if (is_there) {
    held.tokens.resize(step.keep);
    held.tokens.insert(held.tokens.end(), step.append.begin(), step.append.end());
  }
  if (!is_there || hash_tokens(held.tokens) != step.digest) {
    drop(held);
    return fail(work, Fault::kDiffers,
                fmt::format("session '{}' holds other tokens: send all of them", step.session));
  }
  held.is_busy = true;
  work.sequence = *sequence;
  if (step.positions.empty() && step.append.empty()) finish(work);
}

void Sessions::round(std::span<SessionWork* const> works) {
  drop_old();
  std::vector<SessionWork*> under_way;
  for (SessionWork* work : works) {
    if (work->sequence < 0) begin(*work);
    if (work->sequence >= 0 && !work->is_done) under_way.push_back(work);
  }
  if (under_way.empty()) return;
  try {
    read(under_way);
  } catch (const Error& e) {
    for (SessionWork* work : under_way) {
      Held& held = held_by(*work);
      held.is_busy = false;
      drop(held);
      fail(*work, Fault::kFailed, e.what());
    }
  }
}

/// One pass, and what it decides.
void Sessions::read(std::vector<SessionWork*>& works) {
  std::vector<RowRequest> requests;
  std::vector<std::vector<int>> rows(works.size());
  for (std::size_t i = 0; i < works.size(); ++i) {
    const SessionWork& work = *works[i];
    const std::span<const Token> tokens = held_by(work).tokens;
    const std::size_t have = llm_.cached_prefix(work.sequence, tokens);
    const std::size_t length = std::min(tokens.size(), have + kChunk);
    if (length == tokens.size()) {
      for (const int position : work.step.positions) rows[i].push_back(position - 1);
    }
    requests.push_back({work.sequence, tokens.first(length), rows[i],
                        form_of(work.step, llm_.n_vocab()), tokens.size()});
  }
  const ForwardCost cost = llm_.forward(requests);
  ++status_.passes;
  status_.positions += cost.positions;
  status_.seconds += cost.seconds;
  for (std::size_t i = 0; i < works.size(); ++i) {
    works[i]->answer.seconds += cost.seconds;
    const bool is_read = requests[i].tokens.size() == held_by(*works[i]).tokens.size();
    if (is_read) decide(*works[i], i);
  }
}

void Sessions::decide(SessionWork& work, std::size_t request) {
  SessionStep& step = work.step;
  Held& held = held_by(work);
  for (std::size_t i = 0; i < step.positions.size(); ++i) {
    const Row row = llm_.row(request, i);
    SessionDecision& decision = work.answer.decisions.emplace_back();
    decision.position = step.positions[i];
    if (step.sampling) {
      const auto context =
          std::span(held.tokens).first(static_cast<std::size_t>(decision.position));
      Sampler sampler(llm_.n_vocab(), *step.sampling, step.stream);
      decision.token = sampler.sample(row, context);
    }
    const Token listed = decision.token.value_or(row.stats.likeliest.front().id);
    TokenLogprobs logprobs = logprobs_of(row, listed, step.top);
    decision.logprob = logprobs.logprob;
    decision.top = std::move(logprobs.top);
  }
  status_.decisions += static_cast<std::int64_t>(step.positions.size());
  const bool goes_on =
      step.ahead > 0 && step.sampling && !work.answer.decisions.empty() &&
      work.answer.decisions.back().position == static_cast<int>(held.tokens.size()) &&
      held.tokens.size() < static_cast<std::size_t>(llm_.context_size());
  const Token last = goes_on ? *work.answer.decisions.back().token : kNoToken;
  if (!goes_on || llm_.vocab().is_end_of_generation(last)) return finish(work);
  --step.ahead;
  held.tokens.push_back(last);
  step.positions = {static_cast<int>(held.tokens.size())};
}

void Sessions::finish(SessionWork& work) {
  Held& held = held_by(work);
  held.is_busy = false;
  held.used_at = Clock::now();
  work.is_done = true;
}

void Sessions::fail(SessionWork& work, Fault fault, std::string error) {
  work.answer.fault = fault;
  work.answer.error = std::move(error);
  work.is_done = true;
}

}  // namespace citer
