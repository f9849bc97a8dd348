#pragma once

// Metrics in Prometheus' text format (version 0.0.4). All classes may be used from any thread.

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "citer/service.h"

namespace citer {

/// Observations counted by size.
class Histogram {
 public:
  /// `bounds` are the buckets' upper ends, rising; one without an end is added.
  explicit Histogram(std::vector<double> bounds);
  void observe(double value, std::int64_t times = 1);
  /// The lines of its buckets, sum and count.
  std::string lines(const std::string& name) const;

 private:
  std::vector<double> bounds_;
  mutable std::mutex mutex_;
  std::vector<std::int64_t> counts_;  ///< per bucket
  double sum_ = 0;
};

/// What the server counts itself; the rest of /metrics is ServiceStatus.
class ServerMetrics {
 public:
  ServerMetrics();

  /// A request was answered, or its stream begun, with this HTTP status.
  void count_request(const std::string& endpoint, int status);

  Histogram time_to_first_token;  ///< seconds, from the request's arrival
  Histogram inter_token;          ///< seconds between tokens of one answer
  Histogram request_seconds;      ///< of requests that generate, from arrival to the last token
  Histogram scores;               ///< routing scores of all tokens
  std::atomic<std::int64_t> prompt_tokens = 0;
  std::atomic<std::int64_t> cancellations = 0;  ///< clients that left before their answer was done
  std::atomic<std::int64_t> timeouts = 0;
  std::atomic<std::int64_t> errors = 0;

  /// The whole page.
  std::string text(const ServiceStatus& status) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::int64_t> requests_;  ///< by endpoint and status
};

}  // namespace citer
