#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

namespace citer {

void ThreadPool::for_each(std::size_t n, const IndexedWork& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr error;
  const auto run = [&](int worker) {
    try {
      for (std::size_t i = next++; i < n; i = next++) work(worker, i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
      next = n;
    }
  };
  const std::size_t helpers = std::min<std::size_t>(static_cast<std::size_t>(size_), n);
  while (others_.size() + 1 < helpers) others_.push_back(std::make_unique<Worker>());
  for (std::size_t k = 1; k < helpers; ++k) {
    others_[k - 1]->start([&run, k] { run(static_cast<int>(k)); });
  }
  run(0);
  for (std::size_t k = 1; k < helpers; ++k) others_[k - 1]->wait();
  if (error) std::rethrow_exception(error);
}

}  // namespace citer
