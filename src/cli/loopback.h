#pragma once

#include <string>

namespace citer::cli {

/// Whether nobody but this machine reaches an address.
inline bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace citer::cli
