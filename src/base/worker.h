#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace citer {

/// A thread that does one piece of work at a time. It lasts, because what a thread of its own costs
/// libraries that keep state per thread (OpenMP's teams) would be paid for each piece.
class Worker {
 public:
  Worker();
  ~Worker();  ///< waits for the work begun
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Not while work is under way.
  void start(std::function<void()> work);
  /// Whether the work is under way.
  bool is_busy() const;
  /// Waits for the work to end; throws what it threw.
  void wait();

 private:
  void run();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> work_;  ///< empty: none
  std::exception_ptr error_;
  bool stopping_ = false;
  std::thread thread_;  ///< last: it uses all the others
};

}  // namespace citer
