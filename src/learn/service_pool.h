#pragma once

#include <memory>
#include <vector>

#include "citer/service.h"

namespace citer {

/// Several services over one pair, one for each worker thread. Models so small that a second thread
/// does not speed a pass up are best run this way.
class ServicePool {
 public:
  /// `workers` services; 0: as many as the machine has threads for, given what a pass uses. Their
  /// schedules do not depend on time, and they have collect_spare_sequences(). Throws as Pair's and
  /// Service's constructors do, and InputError for a pair of different vocabularies.
  ServicePool(const PairOptions& pair, ServiceOptions options, int workers);

  int size() const { return static_cast<int>(services_.size()); }
  Service& operator[](int worker) { return *services_[static_cast<std::size_t>(worker)]; }
  Service& front() { return *services_.front(); }
  const Pair& pair() const { return *pair_; }

 private:
  std::shared_ptr<const Pair> pair_;
  std::vector<std::unique_ptr<Service>> services_;
};

}  // namespace citer
