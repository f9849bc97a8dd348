#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/worker.h"

namespace citer {

/// Work on item i, by one of the workers.
using IndexedWork = std::function<void(int worker, std::size_t i)>;

/// Threads that last, for work too short to start threads for. They are made when first needed.
class ThreadPool {
 public:
  /// The caller's thread is one of the `workers`.
  explicit ThreadPool(int workers) : size_(workers) {}

  /// Calls `work` for every i in [0, n); each worker takes the next i that is left. Returns when
  /// all are done. After an exception no new i is begun, and the first one is thrown on. One call
  /// at a time.
  void for_each(std::size_t n, const IndexedWork& work);
  int size() const { return size_; }

 private:
  int size_;
  std::vector<std::unique_ptr<Worker>> others_;
};

/// The same on threads for this work alone.
inline void parallel_for(std::size_t n, int workers, const IndexedWork& work) {
  ThreadPool(workers).for_each(n, work);
}

}  // namespace citer
