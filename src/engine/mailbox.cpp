#include "engine/mailbox.h"

namespace citer {

namespace {

void append(Growth& to, Growth more) {
  std::move(more.pieces.begin(), more.pieces.end(), std::back_inserter(to.pieces));
  std::move(more.tokens.begin(), more.tokens.end(), std::back_inserter(to.tokens));
  to.answer = std::move(more.answer);
  to.error = std::move(more.error);
  to.is_request_fault = more.is_request_fault;
  to.is_llm_fault = more.is_llm_fault;
}

}  // namespace

void Answers::Mailbox::push(std::size_t index, Growth growth) {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kCancelled) return;
  std::optional<Growth>& held = growth_[index];
  if (held) {
    append(*held, std::move(growth));
  } else {
    held = std::move(growth);
    ready_.push_back(index);
  }
  grown_.notify_one();
}

std::optional<std::pair<std::size_t, Growth>> Answers::Mailbox::wait(
    std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  if (!grown_.wait_for(lock, timeout, [&] { return !ready_.empty(); })) return std::nullopt;
  const std::size_t index = ready_.front();
  ready_.pop_front();
  return std::pair{index, *std::exchange(growth_[index], std::nullopt)};
}

Answers::Answers(std::shared_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}
Answers::~Answers() { mailbox_->set_state(Mailbox::State::kCancelled); }

std::optional<std::pair<std::size_t, Growth>> Answers::wait(std::chrono::milliseconds timeout) {
  return mailbox_->wait(timeout);
}

void Answers::stop() { mailbox_->set_state(Mailbox::State::kStopping); }

}  // namespace citer
