#include "serve/inference.h"

#include <algorithm>
#include <utility>

namespace citer {

/// One request between its reader and the inference thread.
struct AnswerStream::Channel {
  // The inference thread's alone:
  DecodeRequest request;      ///< until it is started
  std::size_t delivered = 0;  ///< tokens handed over

  std::mutex mutex;  ///< for what follows
  std::condition_variable grown;
  Growth growth;  ///< that was not read yet
  bool has_growth = false;
  bool cancelled = false;

  void push(Growth more) {
    const std::lock_guard lock(mutex);
    growth.text += more.text;
    std::move(more.tokens.begin(), more.tokens.end(), std::back_inserter(growth.tokens));
    growth.answer = std::move(more.answer);
    growth.error = std::move(more.error);
    has_growth = true;
    grown.notify_one();
  }
  bool is_cancelled() {
    const std::lock_guard lock(mutex);
    return cancelled;
  }
};

AnswerStream::AnswerStream(Inference& inference, std::shared_ptr<Channel> channel)
    : inference_(inference), channel_(std::move(channel)) {}

AnswerStream::~AnswerStream() { inference_.cancel(channel_); }

std::optional<Growth> AnswerStream::wait(std::chrono::milliseconds timeout) {
  std::unique_lock lock(channel_->mutex);
  if (!channel_->grown.wait_for(lock, timeout, [&] { return channel_->has_growth; })) return {};
  channel_->has_growth = false;
  return std::exchange(channel_->growth, {});
}

Inference::Inference(const EngineOptions& engine, const InferenceOptions& options)
    : engine_(engine),
      options_(options),
      pair_(engine),
      policies_(engine.routers, *pair_.slm_model),
      context_size_(pair_.decoder.context_size()) {
  pair_.decoder.schedule_by_times();
  publish_status();
  thread_ = std::thread([this] { run(); });
}

Inference::~Inference() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

std::unique_ptr<AnswerStream> Inference::submit(DecodeRequest request) {
  pair_.decoder.check(request);
  auto channel = std::make_shared<Channel>();
  channel->request = std::move(request);
  {
    const std::lock_guard lock(mutex_);
    if (static_cast<int>(queue_.size()) >= options_.queue_limit) {
      throw Overloaded("too many requests are waiting; try again later");
    }
    queue_.push_back(channel);
    status_.queued = static_cast<int>(queue_.size());
  }
  wake_.notify_one();
  return std::unique_ptr<AnswerStream>(new AnswerStream(*this, std::move(channel)));
}

void Inference::cancel(const std::shared_ptr<Channel>& channel) {
  const std::lock_guard lock(channel->mutex);
  channel->cancelled = true;
}

InferenceStatus Inference::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

/// Made when it is first needed. Under template_mutex_.
const ChatTemplate& Inference::chat_template() const {
  if (!template_) {
    template_.emplace(ChatTemplate::for_model(*pair_.slm_model, engine_.chat_template_file));
  }
  return *template_;
}

std::string Inference::render(const Json& messages, const Json& tools) const {
  const std::lock_guard lock(template_mutex_);
  return chat_template().render(messages, tools);
}

std::optional<ToolCallForm> Inference::tool_call_form() const {
  const std::lock_guard lock(template_mutex_);
  const ChatTemplate& used = chat_template();
  return used.takes_tools() ? citer::tool_call_form(used.source()) : std::nullopt;
}

ModelFacts Inference::slm_facts() const { return facts_of(pair_.slm); }
ModelFacts Inference::llm_facts() const { return facts_of(pair_.llm); }

void Inference::run() {
  while (take_commands()) {
    try {
      step();
    } catch (const std::exception& e) {
      fail_all(e.what());
    }
    publish_status();
  }
  fail_all("the server is shutting down");
}

/// Starts what waits for a free sequence and drops what was cancelled; waits while there is nothing
/// to do. False when the thread is to end.
bool Inference::take_commands() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return stopping_ || !queue_.empty() || !active_.empty(); });
  if (stopping_) return false;
  std::erase_if(queue_, [](const auto& channel) { return channel->is_cancelled(); });
  std::erase_if(active_, [&](const auto& entry) {
    if (!entry.second->is_cancelled()) return false;
    pair_.decoder.release(entry.first);
    return true;
  });
  while (!queue_.empty()) {
    const auto channel = queue_.front();
    const std::optional<int> slot = pair_.decoder.claim_slot(channel->request.prompt);
    if (!slot) break;
    queue_.pop_front();
    pair_.decoder.start(*slot, std::move(channel->request));
    active_[*slot] = channel;
  }
  return true;
}

void Inference::step() {
  if (active_.empty()) return;
  for (const int slot : pair_.decoder.step()) deliver(slot);
}

/// Hands over what a slot's answer grew by.
void Inference::deliver(int slot) {
  const std::shared_ptr<Channel> channel = active_.at(slot);
  Growth growth;
  for (TextPiece& piece : pair_.decoder.text(slot).take()) growth.text += piece.text;
  const Sequence& sequence = pair_.decoder.at(slot);
  growth.tokens.assign(sequence.records.begin() + static_cast<std::ptrdiff_t>(channel->delivered),
                       sequence.records.end());
  channel->delivered = sequence.records.size();
  if (sequence.finish) {
    Sequence done = pair_.decoder.release(slot);
    growth.answer = to_answer(done);
    growth.answer->llm_alone_seconds = llm_alone_seconds(*growth.answer);
    const std::lock_guard lock(mutex_);
    active_.erase(slot);
  }
  channel->push(std::move(growth));
}

double Inference::llm_alone_seconds(const Answer& answer) const {
  const PassTimes& times = pair_.decoder.planner().llm_times();
  if (!times.is_known()) return 0.0;
  return answer.prompt_tokens * times.long_token() +
         static_cast<double>(answer.tokens.size()) * times.at(1);
}

void Inference::fail_all(const std::string& error) {
  std::vector<std::shared_ptr<Channel>> channels;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [slot, channel] : active_) {
      pair_.decoder.release(slot);
      channels.push_back(channel);
    }
    active_.clear();
    if (stopping_) {
      channels.insert(channels.end(), queue_.begin(), queue_.end());
      queue_.clear();
    }
  }
  pair_.reset();
  for (const auto& channel : channels) {
    Growth growth;
    growth.error = error;
    channel->push(std::move(growth));
  }
}

void Inference::publish_status() {
  const std::lock_guard lock(mutex_);
  status_.sequences = pair_.slm.sequences();
  status_.active = static_cast<int>(active_.size());
  status_.queued = static_cast<int>(queue_.size());
  status_.slm_cached_tokens = pair_.slm.cached_tokens();
  if (!pair_.decoder.asks_llm()) status_.llm_cached_tokens = pair_.llm.cached_tokens();
  status_.cache_capacity = static_cast<std::int64_t>(context_size_) * pair_.slm.sequences();
  status_.totals = pair_.decoder.totals();
}

}  // namespace citer
