#pragma once

#include <chrono>
#include <functional>
#include <string>

#include <nlohmann/json.hpp>

#include "citer/error.h"
#include "remote/http_link.h"

namespace citer {

/// Until when an answer is waited for.
using Deadline = std::chrono::steady_clock::time_point;

/// An answer did not come, or says that there is none. Its text names the server and what is wrong.
class LinkFault : public Error {
 public:
  using Error::Error;
};

/// Takes an answer apart. Throws nlohmann's exceptions, or LinkFault, for what is no sound answer;
/// then the request is made again.
using TakeAnswer = std::function<void(const nlohmann::json& answer)>;

/// Asks until there is a sound answer, as long as that can be and there is time: after a lost
/// connection, half an answer, status 408, 429 or 5xx, with pauses that double, or as long as the
/// server asks for. Throws LinkFault when the deadline has come, or at once for other statuses.
class PatientLink {
 public:
  PatientLink(const RemoteOptions& options, LinkCounters& counters)
      : url_(options.url), link_(options, counters), counters_(&counters) {}

  void get(const std::string& path, Deadline deadline, const TakeAnswer& take);
  void post(const std::string& path, const nlohmann::json& request, Deadline deadline,
            const TakeAnswer& take);
  /// A GET that is tried again only while there is no response, or 503, as of servers that load.
  LinkReply look(const std::string& path, Deadline deadline);

  const std::string& url() const { return url_; }

 private:
  LinkReply try_until(Deadline deadline, const std::string& path, const TakeAnswer& take,
                      const std::function<LinkReply(std::chrono::milliseconds)>& send);

  std::string url_;
  HttpLink link_;
  LinkCounters* counters_;
};

}  // namespace citer
