#include "hub/patience.h"

#include <algorithm>
#include <charconv>
#include <thread>

#include <fmt/format.h>

#include "base/stopwatch.h"
#include "citer/error.h"

namespace citer {

namespace {

constexpr std::chrono::milliseconds kLongestPause{60'000};
/// A server that asks for more is not waited for.
constexpr int kLongestAskedSeconds = 300;
constexpr std::chrono::milliseconds kGlance{50};  // between looks at the watcher

bool may_pass(int status) { return status / 100 != 4 || status == 408 || status == 429; }

const char* advice(int status) {
  switch (status) {
    case 401:
      return "there is no such model, or it needs an access token: check the name, or set HF_TOKEN";
    case 403:
      return "the access token may not read it: accept the model's terms on the hub, or set "
             "another "
             "HF_TOKEN";
    case 404:
      return "there is no such file: check the name";
    default:
      return "the server refuses the request";
  }
}

std::string what_failed(const HttpHead& head) {
  if (head.status == 0) return head.fault;
  if (head.status / 100 == 2) return fmt::format("the connection broke off ({})", head.fault);
  return fmt::format("HTTP {}", head.status);
}

/// Seconds that the server asks to be left alone; 0: it does not.
int asked_seconds(const HttpHead& head) {
  const std::string text = head.header("retry-after");
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::clamp(seconds, 0, kLongestAskedSeconds);
}

}  // namespace

Patience::Patience(const HubOptions& options, const Watcher& watcher)
    : options_(&options), watcher_(&watcher) {}

bool Patience::try_again(const std::string& url, const HttpHead& head) {
  if (!may_pass(head.status)) {
    const std::string said = head.header("x-error-message");
    throw InputError(fmt::format("{}: HTTP {}{}: {}", url, head.status,
                                 said.empty() ? "" : " (" + said + ")", advice(head.status)));
  }
  if (++failed_ >= options_->attempts) {
    throw ResourceError(fmt::format("{}: {}, after {} attempts; the same command goes on from here",
                                    url, what_failed(head), failed_));
  }
  const auto due = std::min(kLongestPause, options_->pause * (1 << std::min(failed_ - 1, 16)));
  const double seconds =
      std::max<double>(asked_seconds(head), std::chrono::duration<double>(due).count());
  const Stopwatch watch;
  while (watch.seconds() < seconds) {
    if (watcher_->wants_stop()) return false;
    std::this_thread::sleep_for(std::min(kGlance, due));
  }
  return !watcher_->wants_stop();
}

}  // namespace citer
