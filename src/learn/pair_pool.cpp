#include "learn/pair_pool.h"

#include <algorithm>
#include <thread>

namespace citer {

PairPool::PairPool(const EngineOptions& options, int workers, int spare) {
  pairs_.push_back(std::make_unique<ModelPair>(options, spare));
  const ModelPair& first = *pairs_.front();
  if (workers == 0) {
    const int used = std::max(first.slm_model->threads(), first.llm_model->threads());
    const bool on_cpu = first.slm_model->device().empty() && first.llm_model->device().empty();
    const int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    workers = on_cpu ? std::max(1, threads / used) : 1;
  }
  while (size() < workers) {
    pairs_.push_back(
        std::make_unique<ModelPair>(first.slm_model, first.llm_model, options.context, spare));
  }
}

}  // namespace citer
