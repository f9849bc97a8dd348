#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "citer/service.h"

namespace citer {

/// What the models' thread hands over to who follows some answers.
class Answers::Mailbox {
 public:
  enum class State { kOpen, kStopping, kCancelled };

  Mailbox(std::size_t answers, Service::Follow follow) : follow_(follow), growth_(answers) {}

  void push(std::size_t index, Growth growth);
  std::optional<std::pair<std::size_t, Growth>> wait(std::chrono::milliseconds timeout);

  Service::Follow follow() const { return follow_; }
  State state() const { return state_; }
  void set_state(State state) { state_ = state; }

 private:
  const Service::Follow follow_;
  mutable std::mutex mutex_;
  std::condition_variable grown_;
  std::vector<std::optional<Growth>> growth_;  ///< by answer; that was not read yet
  std::deque<std::size_t> ready_;              ///< whose, in the order in which they grew
  std::atomic<State> state_ = State::kOpen;
};

}  // namespace citer
