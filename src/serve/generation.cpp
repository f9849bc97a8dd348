#include "serve/generation.h"

#include "serve/api_error.h"

namespace citer {

namespace {

constexpr int kBadRequest = 400;
constexpr int kTimeout = 504;
constexpr int kInternalError = 500;
constexpr int kUnavailable = 503;
/// How long a wait lasts before it is seen whether the client is still there.
constexpr std::chrono::milliseconds kPatience{50};

}  // namespace

Generation::Generation(Service& service, ServerMetrics& metrics, std::vector<Request> requests,
                       std::unique_ptr<ResponseWriter> writer,
                       std::shared_ptr<RequestRecord> record, Clock::time_point arrival,
                       std::chrono::seconds time_limit)
    : metrics_(metrics),
      writer_(std::move(writer)),
      record_(std::move(record)),
      arrival_(arrival),
      deadline_(arrival + time_limit),
      last_token_(requests.size()),
      answers_(requests.size()),
      unfinished_(requests.size()),
      stream_(service.submit(std::move(requests))) {}

void Generation::observe(std::size_t index, const Growth& growth) {
  if (growth.tokens.empty()) return;
  std::optional<Clock::time_point>& last_token = last_token_[index];
  const auto now = Clock::now();
  const auto seconds = [&](Clock::time_point since) {
    return std::chrono::duration<double>(now - since).count();
  };
  auto n = static_cast<std::int64_t>(growth.tokens.size());
  if (!last_token) {
    metrics_.time_to_first_token.observe(seconds(arrival_));
    last_token = now;
    --n;
  }
  // Tokens that came together took equal parts of the time.
  if (n > 0) metrics_.inter_token.observe(seconds(*last_token) / static_cast<double>(n), n);
  last_token = now;
  for (const TokenRecord& token : growth.tokens) {
    metrics_.scores.observe(token.score);
    ++(token.writer == Writer::kLlm ? record_->llm_tokens : record_->slm_tokens);
  }
}

/// The next growth, which is noted.
std::pair<std::size_t, Growth> Generation::wait(const std::function<void()>& check) {
  for (;;) {
    check();
    if (Clock::now() >= deadline_) {
      ++metrics_.timeouts;
      throw ApiError(kTimeout, "the request took too long", "timeout");
    }
    auto next = stream_->wait(kPatience);
    if (!next) continue;
    auto& [index, growth] = *next;
    observe(index, growth);
    if (growth.is_request_fault) throw ApiError(kBadRequest, growth.error, "invalid_value");
    if (!growth.error.empty()) {
      ++metrics_.errors;
      if (growth.is_llm_fault) throw ApiError(kUnavailable, growth.error, "llm_unavailable");
      throw ApiError(kInternalError, "inference failed", "internal_error");
    }
    if (growth.answer) {
      metrics_.count_answer(*growth.answer);
      answers_[index] = *growth.answer;
      --unfinished_;
    }
    return std::move(*next);
  }
}

std::string Generation::whole(const std::function<void()>& check) {
  while (unfinished_ > 0) wait(check);
  metrics_.request_seconds.observe(std::chrono::duration<double>(Clock::now() - arrival_).count());
  return writer_->whole(answers_);
}

/// False when the client is gone.
bool Generation::stream_events(const WriteBytes& write, const std::function<void()>& check) {
  const auto send = [&](const std::string& events) { return events.empty() || write(events); };
  for (std::size_t i = 0; i < answers_.size(); ++i) {
    if (!send(writer_->begin(i))) return false;
  }
  while (unfinished_ > 0) {
    const auto [index, growth] = wait(check);
    if (!send(writer_->grow(index, growth))) return false;
    if (growth.answer && !send(writer_->end(index, *growth.answer))) return false;
  }
  metrics_.request_seconds.observe(std::chrono::duration<double>(Clock::now() - arrival_).count());
  return send(writer_->close(answers_));
}

void Generation::stream(const WriteBytes& write, const std::function<void()>& check) {
  try {
    if (!stream_events(write, check)) throw ClientGone();
  } catch (const ClientGone&) {
    ++metrics_.cancellations;
    record_->error = kClientGone;
  } catch (const ApiError& e) {
    record_->error = e.code();
    write(writer_->fail(e));
  }
  stream_.reset();  // what is not done is cancelled now, not when the connection ends
}

}  // namespace citer
