#include "engine/decide_queue.h"

#include <algorithm>
#include <utility>

namespace citer {

std::shared_ptr<DecideQueue::Batch> DecideQueue::push(std::vector<SessionStep> steps) {
  auto batch = std::make_shared<Batch>();
  for (SessionStep& step : steps) batch->works.push_back({.step = std::move(step)});
  const std::lock_guard lock(mutex_);
  batches_.push_back(batch);
  return batch;
}

void DecideQueue::give_up(const std::shared_ptr<Batch>& batch) {
  const std::lock_guard lock(mutex_);
  batch->is_given_up = true;
}

bool DecideQueue::has_work() const {
  const std::lock_guard lock(mutex_);
  return !batches_.empty();
}

/// Those that somebody waits for, and those that hold a session busy.
std::vector<std::shared_ptr<DecideQueue::Batch>> DecideQueue::batches() {
  const std::lock_guard lock(mutex_);
  std::erase_if(batches_, [](const std::shared_ptr<Batch>& batch) {
    const bool is_begun =
        std::any_of(batch->works.begin(), batch->works.end(),
                    [](const SessionWork& work) { return work.sequence >= 0 && !work.is_done; });
    return batch->is_given_up && !is_begun;
  });
  return batches_;
}

void DecideQueue::round() {
  const std::vector<std::shared_ptr<Batch>> all = batches();
  std::vector<SessionWork*> works;
  for (const auto& batch : all) {
    for (SessionWork& work : batch->works) {
      if (!work.is_done) works.push_back(&work);
    }
  }
  sessions_.round(works);
}

void DecideQueue::hand_out() {
  const std::lock_guard lock(mutex_);
  std::erase_if(batches_, [](const std::shared_ptr<Batch>& batch) {
    const bool is_done = std::all_of(batch->works.begin(), batch->works.end(),
                                     [](const SessionWork& work) { return work.is_done; });
    if (is_done) batch->done.set_value();
    return is_done;
  });
}

void DecideQueue::fail_all(const std::exception_ptr& error) {
  const std::lock_guard lock(mutex_);
  for (const auto& batch : batches_) batch->done.set_exception(error);
  batches_.clear();
}

}  // namespace citer
