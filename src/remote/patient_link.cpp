#include "remote/patient_link.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "base/utf8.h"
#include "citer/error.h"

namespace citer {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kFirstPause{50};
constexpr milliseconds kLongestPause{2000};
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kRequestTimeout = 408;
constexpr int kTooManyRequests = 429;
constexpr int kNotImplemented = 501;
constexpr int kUnavailable = 503;
constexpr std::size_t kShown = 200;  // bytes of an answer that is no answer

milliseconds left_until(Deadline deadline) {
  return std::max(milliseconds(1),
                  std::chrono::duration_cast<milliseconds>(deadline - Clock::now()));
}

bool may_pass(int status) {
  return (status / 100 == 5 && status != kNotImplemented) || status == kRequestTimeout ||
         status == kTooManyRequests;
}

/// What servers say of an error: {"error": {"message": ...}}, or the body's beginning.
std::string said(const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_object() && json.contains("error")) {
    const auto& error = json["error"];
    if (error.is_object()) return error.value("message", "");
    if (error.is_string()) return error.get<std::string>();
  }
  return valid_utf8(body.substr(0, kShown));
}

std::string what_is_wrong(const LinkReply& reply) {
  if (reply.status == 0) return reply.fault;
  const char* advice = reply.status == kUnauthorized || reply.status == kForbidden
                           ? " (is its API key given, and right?)"
                           : "";
  const std::string text = said(reply.body);
  return fmt::format("HTTP {}{}{}{}", reply.status, text.empty() ? "" : ": ", text, advice);
}

}  // namespace

LinkReply PatientLink::try_until(Deadline deadline, const std::string& path, const TakeAnswer& take,
                                 const std::function<LinkReply(milliseconds)>& send) {
  milliseconds pause = kFirstPause;
  for (bool first = true;; first = false) {
    if (!first) ++counters_->retries;
    LinkReply reply = send(left_until(deadline));
    std::string fault;
    if (!take && reply.status != 0 && reply.status != kUnavailable) return reply;
    if (reply.status / 100 == 2) {
      try {
        take(nlohmann::json::parse(reply.body));
        return reply;
      } catch (const nlohmann::json::exception&) {
        fault = fmt::format("no sound answer: '{}'", valid_utf8(reply.body.substr(0, kShown)));
      } catch (const LinkFault& e) {
        fault = e.what();
      }
    } else {
      fault = what_is_wrong(reply);
      if (reply.status != 0 && !may_pass(reply.status)) {
        throw LinkFault(fmt::format("{}{}: {}", url_, path, fault));
      }
    }
    const milliseconds asked(static_cast<int>(1000 * reply.retry_after));
    const milliseconds wait = std::max(pause, asked);
    if (Clock::now() + wait >= deadline) {
      throw LinkFault(fmt::format("{}{}: no answer in time, the last try: {}", url_, path, fault));
    }
    std::this_thread::sleep_for(wait);
    pause = std::min(2 * pause, kLongestPause);
  }
}

void PatientLink::get(const std::string& path, Deadline deadline, const TakeAnswer& take) {
  try_until(deadline, path, take, [&](milliseconds limit) { return link_.get(path, limit); });
}

void PatientLink::post(const std::string& path, const nlohmann::json& request, Deadline deadline,
                       const TakeAnswer& take) {
  const std::string body = request.dump();
  try_until(deadline, path, take,
            [&](milliseconds limit) { return link_.post(path, body, limit); });
}

LinkReply PatientLink::look(const std::string& path, Deadline deadline) {
  return try_until(deadline, path, nullptr,
                   [&](milliseconds limit) { return link_.get(path, limit); });
}

}  // namespace citer
