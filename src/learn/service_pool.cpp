#include "learn/service_pool.h"

#include <algorithm>
#include <thread>

#include "learn/collect.h"
#include "model/model.h"

namespace citer {

ServicePool::ServicePool(const PairOptions& pair, ServiceOptions options, int workers)
    : pair_(std::make_shared<const Pair>(pair)) {
  pair_->require_one_vocabulary("learning to route");
  options.by_times = false;
  options.spare_sequences = collect_spare_sequences();
  if (workers == 0) {
    const int used = std::max(pair_->slm()->threads(), pair_->llm()->threads());
    const bool on_cpu = pair_->slm()->device().empty() && pair_->llm()->device().empty();
    const int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    workers = on_cpu ? std::max(1, threads / used) : 1;
  }
  while (size() < workers) services_.push_back(std::make_unique<Service>(pair_, options));
}

}  // namespace citer
