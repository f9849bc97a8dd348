#pragma once

#include <chrono>
#include <string>

namespace citer {

/// Where the LLM's server is and how it is asked.
struct RemoteOptions {
  /// "http://HOST:PORT" or "https://...", with a path before the API's own where there is one; what
  /// ends with "/v1" means the same without.
  std::string url{};
  /// Which of its models, at servers that have several; "": the first that is listed.
  std::string model{};
  /// Bearer token; "": none.
  std::string api_key{};
  /// PEM file of certificates that servers' are signed with; "": the system's.
  std::string ca_file{};
  /// Longest wait for an answer, tries included; > 0.
  std::chrono::milliseconds timeout{30'000};
  /// Tokens that the server writes on behind what it is asked, to be used where the SLM comes to
  /// the same text; negative: as many as it writes while the answer travels.
  int ahead = -1;
};

}  // namespace citer
