#include "serve/metrics.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

namespace citer {

namespace {

/// From a millisecond to a minute.
const std::vector<double> kLatencies = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                        0.25,  0.5,    1,     2.5,  5,     10,   60};
const std::vector<double> kDurations = {0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300, 600};
const std::vector<double> kShares = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1};

void put(MetricsPage& page, const char* name, const char* type, const char* help,
         std::int64_t value) {
  page.add(name, type, help, fmt::format("{}", value));
}

/// One metric with a label of two values.
void put_two(MetricsPage& page, const char* name, const char* type, const char* help,
             const char* label, std::pair<const char*, std::int64_t> a,
             std::pair<const char*, std::int64_t> b) {
  for (const auto& [text, value] : {a, b}) {
    page.add(name, type, help, fmt::format("{}", value), fmt::format("{}=\"{}\"", label, text));
  }
}

void put(MetricsPage& page, const char* name, const char* help, const Histogram& histogram) {
  page.add_lines(name, "histogram", help, histogram.lines(name, page.all_labels("")));
}

void put(MetricsPage& page, const char* name, const char* help, double value) {
  page.add(name, "gauge", help, fmt::format("{}", value));
}

void put_promise(MetricsPage& page, const PromiseStatus& status) {
  const Promise& promise = status.promise;
  put(page, "citer_promise_accuracy", "Part of the LLM's right answers that is promised.",
      promise.asked.accuracy);
  put(page, "citer_promise_confidence", "Confidence of the promise.", promise.asked.confidence);
  put(page, "citer_promise_threshold", "Threshold that keeps it; 1: the LLM alone does.",
      promise.threshold.value_or(1.0));
  put(page, "citer_promise_holds", "gauge",
      "0 from where answers no longer look like those of the validation.", status.holds ? 1 : 0);
  put(page, "citer_promise_watched_answers_total", "counter", "Answers that were audited for it.",
      status.watched_answers);
  put(page, "citer_promise_evidence_against",
      "Wealth of bets against it, 1 at first; at 1 / (1 - confidence) it no longer holds.",
      status.evidence);
}

void put_sessions(MetricsPage& page, const SessionsStatus& sessions) {
  put(page, "citer_decide_sessions", "gauge", "Sessions of clients that are held.", sessions.held);
  put(page, "citer_decide_sessions_capacity", "gauge", "That can be held.", sessions.capacity);
  put(page, "citer_decide_sessions_evicted_total", "counter",
      "Dropped for their age, or for want of room.", sessions.evicted);
  put(page, "citer_decide_passes_total", "counter", "LLM passes for sessions.", sessions.passes);
  put(page, "citer_decide_positions_total", "counter", "Tokens read in them.", sessions.positions);
  put(page, "citer_decide_decisions_total", "counter", "Tokens decided in them.",
      sessions.decisions);
  page.add("citer_decide_seconds_total", "counter", "Time of these passes.",
           fmt::format("{}", sessions.seconds));
}

void put_server(MetricsPage& page, const LlmServerStatus& server) {
  const std::string label = fmt::format("backend=\"{}\"", server.kind);
  const auto put_one = [&](const char* name, const char* help, auto value) {
    page.add(name, "counter", help, fmt::format("{}", value), label);
  };
  put_one("citer_llm_trips_total", "Requests that the LLM's server answered.", server.trips);
  put_one("citer_llm_retries_total", "Requests to it that were made again.", server.retries);
  put_one("citer_llm_faults_total", "Sequences for which it did not answer in time.",
          server.faults);
  put_one("citer_llm_bytes_sent_total", "Bytes of requests to it.", server.bytes_sent);
  put_one("citer_llm_bytes_received_total", "Bytes of its answers.", server.bytes_received);
  put_one("citer_llm_trip_seconds_total", "Time that trips to it took.", server.seconds);
}

void put_status(MetricsPage& page, const ServiceStatus& status) {
  const Counters& totals = status.totals;
  put(page, "citer_sequences", "gauge", "Answers that can be written at once.", status.sequences);
  put(page, "citer_active_sequences", "gauge", "Answers being written.", status.active);
  put(page, "citer_queued_requests", "gauge", "Answers waiting for a sequence.", status.queued);
  put_two(page, "citer_tokens_total", "counter", "Tokens written, by the model that wrote them.",
          "writer", {"slm", totals.slm_tokens}, {"llm", totals.llm_tokens});
  put(page, "citer_llm_own_tokens_total", "counter",
      "Tokens of its own that the LLM wrote: others where it shares text alone with the SLM.",
      totals.llm_own_tokens);
  put_two(page, "citer_passes_total", "counter", "Forward passes.", "model",
          {"slm", totals.slm_passes}, {"llm", totals.llm_passes});
  put_two(page, "citer_positions_total", "counter", "Tokens evaluated, prompts included.", "model",
          {"slm", totals.slm_positions}, {"llm", totals.llm_positions});
  put_two(page, "citer_llm_decisions_total", "counter",
          "Tokens the LLM verified, by whether the guess stood.", "outcome",
          {"accepted", totals.accepted}, {"rejected", totals.rejected});
  put(page, "citer_unanswered_total", "counter",
      "Tokens of the SLM's that stand since the LLM's server did not answer.", totals.unanswered);
  if (status.sessions_of_clients.capacity > 0) put_sessions(page, status.sessions_of_clients);
  if (status.llm_server) put_server(page, *status.llm_server);
  put_two(page, "citer_kv_cache_tokens", "gauge", "Tokens in the KV cache.", "model",
          {"slm", status.slm_cached_tokens}, {"llm", status.llm_cached_tokens});
  put(page, "citer_not_routed_total", "counter",
      "Answers that the LLM alone wrote since routing would have been slower.", status.not_routed);
  put_two(page, "citer_predicted_tokens_per_second", "gauge",
          "Predicted speed of the answer begun last; 0: not known.", "way",
          {"routed", std::llround(status.predicted.routed)},
          {"llm", std::llround(status.predicted.llm)});
  put_two(page, "citer_threads", "gauge", "CPU threads of passes.", "model",
          {"slm", status.slm_threads}, {"llm", status.llm_threads});
  put(page, "citer_kv_cache_capacity_tokens", "gauge", "Tokens that each KV cache can hold.",
      status.cache_capacity);
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void Histogram::observe(double value, std::int64_t times) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  const std::lock_guard lock(mutex_);
  counts_[static_cast<std::size_t>(bucket)] += times;
  sum_ += value * static_cast<double>(times);
}

std::string Histogram::lines(const std::string& name, const std::string& labels) const {
  const std::string comma = labels.empty() ? "" : ",";
  const std::string braced = labels.empty() ? "" : "{" + labels + "}";
  const std::lock_guard lock(mutex_);
  std::string text;
  std::int64_t below = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i];
    const std::string bound = i < bounds_.size() ? fmt::format("{}", bounds_[i]) : "+Inf";
    fmt::format_to(std::back_inserter(text), "{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma,
                   bound, below);
  }
  fmt::format_to(std::back_inserter(text), "{0}_sum{1} {2}\n{0}_count{1} {3}\n", name, braced, sum_,
                 below);
  return text;
}

void RequestCounts::count(const std::string& endpoint, int status) {
  const std::lock_guard lock(mutex_);
  ++counts_[{endpoint, status}];
}

void RequestCounts::add_to(MetricsPage& page) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, count] : counts_) {
    page.add("citer_requests_total", "counter", "HTTP requests, by route and status.",
             fmt::format("{}", count),
             fmt::format(R"(endpoint="{}",status="{}")", key.first, key.second));
  }
}

ServerMetrics::ServerMetrics()
    : time_to_first_token(kLatencies),
      inter_token(kLatencies),
      request_seconds(kDurations),
      scores(kShares) {}

void ServerMetrics::watch(const Promise& promise, Disagreements validation) {
  const std::lock_guard lock(mutex_);
  const bool is_watched = watch_ && promise_ && promise_->asked == promise.asked &&
                          promise_->threshold == promise.threshold;
  if (is_watched) return;
  promise_ = promise;
  watch_.reset();
  if (!validation.empty()) watch_.emplace(std::move(validation), promise.asked.confidence);
}

std::optional<PromiseStatus> ServerMetrics::promise() const {
  const std::lock_guard lock(mutex_);
  if (!promise_) return std::nullopt;
  if (!watch_) return PromiseStatus{.promise = *promise_};
  return PromiseStatus{*promise_, !watch_->has_rejected(), watch_->answers(), watch_->evidence()};
}

bool ServerMetrics::promise_holds() const {
  const std::lock_guard lock(mutex_);
  return !watch_ || !watch_->has_rejected();
}

void ServerMetrics::count_answer(const Answer& answer) {
  bool broke = false;
  {
    const std::lock_guard lock(mutex_);
    for (const TokenRecord& token : answer.tokens) {
      if (token.writer == Writer::kLlm || !token.llm_agrees) continue;
      ++(*token.llm_agrees ? audited_agreeing_ : audited_differing_);
    }
    const bool keeps_it = promise_ && answer.promise && answer.promise->asked == promise_->asked &&
                          answer.promise->threshold == promise_->threshold;
    broke = watch_ && keeps_it && watch_->saw(answer.tokens);
  }
  if (broke && on_note) {
    on_note(
        "the promise no longer holds: answers no longer look like those of the validation examples "
        "that it was made of (the LLM disagrees with more of the SLM's tokens)");
  }
}

void ServerMetrics::add_to(MetricsPage& page, const ServiceStatus& status) const {
  std::int64_t agreeing = 0;
  std::int64_t differing = 0;
  {
    const std::lock_guard lock(mutex_);
    agreeing = audited_agreeing_;
    differing = audited_differing_;
  }
  put_status(page, status);
  if (const auto promised = promise()) put_promise(page, *promised);
  put_two(page, "citer_audited_tokens_total", "counter",
          "Tokens of the SLM's that were compared with the LLM's, by whether it agrees.",
          "llm_agrees", {"yes", agreeing}, {"no", differing});
  put(page, "citer_prompt_tokens_total", "counter", "Tokens of prompts taken.", prompt_tokens);
  put(page, "citer_cancellations_total", "counter",
      "Requests whose client left before the answer was done.", cancellations);
  put(page, "citer_timeouts_total", "counter", "Requests that ran into the time limit.", timeouts);
  put(page, "citer_errors_total", "counter", "Requests that failed in inference.", errors);
  put(page, "citer_time_to_first_token_seconds", "From a request's arrival to its first token.",
      time_to_first_token);
  put(page, "citer_inter_token_seconds", "Between two tokens of one answer.", inter_token);
  put(page, "citer_request_seconds", "From a request's arrival to its last token.",
      request_seconds);
  put(page, "citer_routing_score", "Routing scores of tokens.", scores);
}

}  // namespace citer
