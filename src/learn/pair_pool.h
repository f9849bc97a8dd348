#pragma once

#include <memory>
#include <vector>

#include "decode/model_pair.h"

namespace citer {

/// Several decoders over the same two models, one for each worker thread. Models so small that a
/// second thread does not speed a pass up are best run this way.
class PairPool {
 public:
  /// `workers` pairs; 0: as many as the machine has threads for, given what a pass uses. Throws as
  /// ModelPair's constructor does.
  PairPool(const EngineOptions& options, int workers, int spare);

  int size() const { return static_cast<int>(pairs_.size()); }
  ModelPair& operator[](int worker) { return *pairs_[static_cast<std::size_t>(worker)]; }
  ModelPair& front() { return *pairs_.front(); }

 private:
  std::vector<std::unique_ptr<ModelPair>> pairs_;
};

}  // namespace citer
