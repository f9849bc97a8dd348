#include "remote/remote_context.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/stopwatch.h"
#include "citer/error.h"

namespace citer {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{250};
constexpr milliseconds kLongestPause{10'000};
constexpr int kMostAhead = 16;

std::size_t common_prefix(std::span<const Token> a, std::span<const Token> b) {
  const auto ends = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<std::size_t>(ends.first - a.begin());
}

/// About the least that was seen lately: what is not the thing itself only adds to it.
void see(double& least, double seconds) {
  constexpr double kForgets = 1.05;
  least = least > 0 ? std::min(kForgets * least, seconds) : seconds;
}

/// Whether rows that are known are all that are wanted, or decide a token that is not decided yet.
bool is_enough(const RowRequest& request, const std::vector<RemoteRow>& rows) {
  if (rows.size() == request.rows.size()) return true;
  return !rows.empty() && static_cast<std::size_t>(rows.back().position) >= request.decided;
}

/// What it says where nothing is to be drawn, too.
SamplingOptions sampling_of(const Draw& draw) {
  return draw.sampling == nullptr ? SamplingOptions{} : *draw.sampling;
}

/// Whether rows asked for with `a` are those of `b`: what is listed, and what a server draws.
bool rows_are_the_same(const SamplingOptions& a, const SamplingOptions& b) {
  const auto all = [](const SamplingOptions& s) {
    return std::tie(s.temperature, s.top_k, s.top_p, s.min_p, s.repeat_penalty, s.repeat_last_n,
                    s.frequency_penalty, s.presence_penalty, s.seed, s.logit_bias, s.top_logprobs);
  };
  return all(a) == all(b);
}

int context_size_of(const LlmServerFacts& facts, const ContextOptions& options) {
  if (options.context_size == 0) return facts.context_size;
  return std::min(options.context_size, facts.context_size);
}

}  // namespace

RemoteContext::RemoteContext(std::unique_ptr<Backend> backend, const Vocab& slm,
                             const LlmServerFacts& facts, RemoteOptions remote,
                             const ContextOptions& options, std::atomic<std::int64_t>& faults)
    : backend_(std::move(backend)),
      vocab_(slm),
      options_(std::move(remote)),
      n_vocab_(facts.n_vocab),
      n_shared_(facts.n_vocab),
      context_size_(context_size_of(facts, options)),
      draws_(facts.draws),
      most_listed_(facts.likeliest),
      lines_(static_cast<std::size_t>(options.sequences)),
      faults_(faults) {}

void RemoteContext::reset() {
  for (int s = 0; s < sequences(); ++s) forget(s);
}

void RemoteContext::forget(int sequence) {
  backend_->forget(sequence);
  line_of(sequence) = {};
}

std::size_t RemoteContext::cached_prefix(int sequence, std::span<const Token> tokens) const {
  return common_prefix(line_of(sequence).tokens, tokens);
}

/// The rows that are known of those wanted, up to the first that is not.
std::vector<RemoteRow> RemoteContext::known(const RowRequest& request) const {
  const Line& line = line_of(request.sequence);
  const bool is_asked_alike = line.stream == request.draw.stream &&
                              rows_are_the_same(line.sampling, sampling_of(request.draw));
  if (!is_asked_alike) return {};
  const std::size_t common = common_prefix(line.tokens, request.tokens);
  std::vector<RemoteRow> known;
  for (const int row : request.rows) {
    const int position = row + 1;
    const auto at = std::find_if(line.rows.begin(), line.rows.end(),
                                 [&](const RemoteRow& r) { return r.position == position; });
    if (at == line.rows.end() || static_cast<std::size_t>(position) > common) break;
    known.push_back(*at);
  }
  return known;
}

Question RemoteContext::question(const RowRequest& request) const {
  Question question{.sequence = request.sequence, .tokens = request.tokens, .draw = request.draw};
  for (const int row : request.rows) question.positions.push_back(row + 1);
  const SamplingOptions* sampling = request.draw.sampling;
  if (sampling == nullptr || (!draws_ && sampling->temperature > 0)) {
    question.likeliest = static_cast<std::size_t>(most_listed_);
  } else {
    question.likeliest = static_cast<std::size_t>(std::max(draws_ ? 0 : 1, sampling->top_logprobs));
  }
  question.ahead = ahead();
  return question;
}

ForwardCost RemoteContext::forward(std::span<const RowRequest> requests, bool /*want_hidden*/) {
  const Stopwatch watch;
  ForwardCost cost;
  cost.requests.resize(requests.size());
  rows_.assign(requests.size(), {});
  std::vector<Question> questions;
  std::vector<std::size_t> asked;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].rows.empty()) continue;  // reading alone is not worth a trip
    rows_[i] = known(requests[i]);
    if (is_enough(requests[i], rows_[i])) continue;
    asked.push_back(i);
    questions.push_back(question(requests[i]));
  }
  std::vector<Reply> replies = ask(questions);
  for (std::size_t k = 0; k < asked.size(); ++k) {
    const std::size_t i = asked[k];
    take(requests[i], std::move(replies[k]), cost.requests[i], rows_[i]);
    cost.positions += cost.requests[i].positions;
  }
  cost.passes = questions.empty() ? 0 : 1;
  cost.seconds = watch.seconds();
  return cost;
}

void RemoteContext::take(const RowRequest& request, Reply reply, RequestCost& cost,
                         std::vector<RemoteRow>& rows) {
  Line& line = line_of(request.sequence);
  cost.passes = 1;
  const std::size_t held = common_prefix(line.tokens, request.tokens);
  cost.positions = static_cast<int>(std::max<std::size_t>(1, request.tokens.size() - held));
  if (reply.positions > 0) cost.positions = reply.positions;
  cost.own_tokens = reply.own_tokens;
  if (reply.fault.empty()) {
    line = {std::move(reply.line), std::move(reply.rows), sampling_of(request.draw),
            request.draw.stream};
    rows = known(request);
    if (!is_enough(request, rows)) {
      reply.fault = "the LLM's server decided at other positions than were asked";
    }
  }
  for (const RemoteRow& row : rows) {
    const bool is_foreign = std::any_of(
        row.likeliest.begin(), row.likeliest.end(),
        [&](const TokenLogit& listed) { return listed.id < 0 || listed.id >= n_shared_; });
    if (is_foreign || row.likeliest.empty()) {
      reply.fault = "the LLM's server wrote a token that the SLM does not have";
    }
  }
  if (reply.fault.empty()) return;
  line = {};
  rows.clear();
  ++faults_;
  cost.positions = 0;  // its time says nothing of the LLM's
  cost.fault = reply.fault;
}

/// Asks unless the server is to be left alone.
std::vector<Reply> RemoteContext::ask(std::span<const Question> questions) {
  if (questions.empty()) return {};
  const bool is_unwanted = unwanted_ && unwanted_();
  if (is_unwanted || Clock::now() < away_until_) {
    std::vector<Reply> none(questions.size());
    for (Reply& reply : none) reply.fault = is_unwanted ? "it was interrupted" : last_fault_;
    return none;
  }
  const Stopwatch watch;
  std::vector<Reply> replies = backend_->ask(questions, Clock::now() + options_.timeout);
  const auto failed = std::find_if(replies.begin(), replies.end(),
                                   [](const Reply& reply) { return !reply.fault.empty(); });
  if (failed == replies.end()) {
    pause_ = milliseconds(0);
    learn_times(watch.seconds(), replies);
    return replies;
  }
  last_fault_ = failed->fault;
  pause_ = std::clamp(2 * pause_, kFirstPause, kLongestPause);
  away_until_ = Clock::now() + pause_;
  return replies;
}

void RemoteContext::learn_times(double seconds, std::span<const Reply> replies) {
  double llm = 0.0;
  std::size_t passes = 0;
  for (const Reply& reply : replies) {
    llm = std::max(llm, reply.llm_seconds);
    passes = std::max(passes, reply.rows.size());
  }
  if (llm <= 0 || passes == 0) return;
  see(token_seconds_, llm / static_cast<double>(passes));
  see(trip_seconds_, std::max(0.0, seconds - llm));
}

/// Tokens to write on: as many as the LLM writes in the time that the way takes.
int RemoteContext::ahead() const {
  if (options_.ahead >= 0) return options_.ahead;
  if (token_seconds_ <= 0) return 0;
  return static_cast<int>(std::min<double>(kMostAhead, trip_seconds_ / token_seconds_));
}

Row RemoteContext::row(std::size_t request, std::size_t i) const {
  const std::vector<RemoteRow>& rows = rows_[request];
  if (i >= rows.size()) return {};
  Row row;
  row.stats.n_vocab = static_cast<std::size_t>(n_shared_);
  row.stats.likeliest = rows[i].likeliest;
  row.stats.log_sum = -double{rows[i].likeliest.front().logit};
  row.drawn = rows[i].drawn;
  return row;
}

}  // namespace citer
