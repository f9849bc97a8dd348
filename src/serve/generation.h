#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "citer/service.h"
#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/response_writer.h"

namespace citer {

/// The answers of one HTTP request on their way to the client. Destroying it cancels what is not
/// done. One thread at a time.
class Generation {
 public:
  /// Submits all requests. Throws as Service::submit() does; then none is left running. The service
  /// and the metrics must outlive it. `time_limit` counts from `arrival`.
  Generation(Service& service, ServerMetrics& metrics, std::vector<Request> requests,
             std::unique_ptr<ResponseWriter> writer, std::shared_ptr<RequestRecord> record,
             std::chrono::steady_clock::time_point arrival, std::chrono::seconds time_limit);

  /// Waits for all answers and gives the whole response. Throws what `check` throws, which is
  /// called every few milliseconds (HttpRequest::check), and ApiError when the time is up or
  /// inference fails.
  std::string whole(const std::function<void()>& check);

  /// Writes the response as server-sent events. An error on the way is the last event.
  void stream(const WriteBytes& write, const std::function<void()>& check);

 private:
  using Clock = std::chrono::steady_clock;
  std::pair<std::size_t, Growth> wait(const std::function<void()>& check);
  void observe(std::size_t index, const Growth& growth);
  bool stream_events(const WriteBytes& write, const std::function<void()>& check);

  ServerMetrics& metrics_;
  std::unique_ptr<ResponseWriter> writer_;
  std::shared_ptr<RequestRecord> record_;
  Clock::time_point arrival_;
  Clock::time_point deadline_;
  std::vector<std::optional<Clock::time_point>> last_token_;  ///< by answer
  std::vector<Answer> answers_;
  std::size_t unfinished_;
  std::unique_ptr<Answers> stream_;  ///< null once nobody follows
};

}  // namespace citer
