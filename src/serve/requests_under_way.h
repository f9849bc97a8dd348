#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace citer {

/// Counts the requests that are being answered. Any thread may call it.
class RequestsUnderWay {
 public:
  /// Counts as one until its last copy is gone.
  std::shared_ptr<void> begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
    return {this, [](RequestsUnderWay* requests) { requests->end(); }};
  }
  /// Whether none is left within `limit`.
  bool wait_for_none(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return none_.wait_for(lock, limit, [&] { return count_ == 0; });
  }

 private:
  void end() {
    const std::lock_guard lock(mutex_);
    --count_;
    none_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};

}  // namespace citer
