#pragma once

// What is counted for /metrics. All classes may be used from any thread.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "citer/service.h"
#include "route/promise_watch.h"
#include "serve/metrics_page.h"

namespace citer {

/// Observations counted by size.
class Histogram {
 public:
  /// `bounds` are the buckets' upper ends, rising; one without an end is added.
  explicit Histogram(std::vector<double> bounds);
  void observe(double value, std::int64_t times = 1);
  /// The lines of its buckets, sum and count, each with these labels.
  std::string lines(const std::string& name, const std::string& labels = "") const;

 private:
  std::vector<double> bounds_;
  mutable std::mutex mutex_;
  std::vector<std::int64_t> counts_;  ///< per bucket
  double sum_ = 0;
};

/// What is promised of answers whose requests ask for no routing of their own, and what watching
/// them has shown.
struct PromiseStatus {
  Promise promise;
  bool holds = true;                 ///< false from where they no longer look like the validation's
  std::int64_t watched_answers = 0;  ///< audited ones that kept it
  double evidence = 1.0;             ///< against it: PromiseWatch::evidence()
};

/// HTTP requests by route and status.
class RequestCounts {
 public:
  /// A request was answered, or its stream begun, with this HTTP status.
  void count(const std::string& endpoint, int status);
  void add_to(MetricsPage& page) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::int64_t> counts_;
};

/// What the server counts itself of a model's answers; the rest of /metrics is ServiceStatus.
class ServerMetrics {
 public:
  ServerMetrics();

  /// Gets a line that whoever runs the server should read. Called by any thread; to be set before
  /// requests come.
  std::function<void(const std::string&)> on_note;

  /// Watches a promise, beside the answers that the validation had at its threshold (empty: not
  /// known, it is shown alone). One that is watched already goes on being watched. To be called
  /// before requests come.
  void watch(const Promise& promise, Disagreements validation);
  /// Nothing where there is no promise.
  std::optional<PromiseStatus> promise() const;
  bool promise_holds() const;

  /// An answer is done.
  void count_answer(const Answer& answer);

  Histogram time_to_first_token;  ///< seconds, from the request's arrival
  Histogram inter_token;          ///< seconds between tokens of one answer
  Histogram request_seconds;      ///< of requests that generate, from arrival to the last token
  Histogram scores;               ///< routing scores of all tokens
  std::atomic<std::int64_t> prompt_tokens = 0;
  std::atomic<std::int64_t> cancellations = 0;  ///< clients that left before their answer was done
  std::atomic<std::int64_t> timeouts = 0;
  std::atomic<std::int64_t> errors = 0;

  void add_to(MetricsPage& page, const ServiceStatus& status) const;

 private:
  mutable std::mutex mutex_;
  std::optional<Promise> promise_;
  std::optional<PromiseWatch> watch_;
  std::int64_t audited_agreeing_ = 0;   ///< tokens of the SLM's that the LLM would have written
  std::int64_t audited_differing_ = 0;  ///< and that it would not
};

}  // namespace citer
