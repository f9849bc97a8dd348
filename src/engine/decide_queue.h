#pragma once

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/sessions.h"

namespace citer {

/// What clients' sessions ask, between the threads that bring it and the models' thread.
class DecideQueue {
 public:
  /// Hands steps over; the future is ready when all are done.
  struct Batch {
    std::vector<SessionWork> works;
    std::promise<void> done;
    bool is_given_up = false;  ///< nobody waits for it; guarded by the queue's mutex
  };

  explicit DecideQueue(Sessions sessions) : sessions_(std::move(sessions)) {}

  /// Any thread may call these.
  std::shared_ptr<Batch> push(std::vector<SessionStep> steps);
  void give_up(const std::shared_ptr<Batch>& batch);
  bool has_work() const;

  /// The models' thread: one round over all that wait. Who has all that it waits for gets it by
  /// hand_out(), so that it can be counted before.
  void round();
  void hand_out();
  /// Whoever waits gets this error.
  void fail_all(const std::exception_ptr& error);
  SessionsStatus status() const { return sessions_.status(); }

 private:
  std::vector<std::shared_ptr<Batch>> batches();

  Sessions sessions_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Batch>> batches_;
};

}  // namespace citer
