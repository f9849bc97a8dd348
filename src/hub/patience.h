#pragma once

#include <string>

#include "citer/progress.h"
#include "hub/http.h"
#include "hub/options.h"

namespace citer {

/// Bounds how often something is tried, and waits in between.
class Patience {
 public:
  Patience(const HubOptions& options, const Watcher& watcher);

  /// After a response without which nothing can go on: throws InputError "URL: HTTP STATUS: ..."
  /// that says what to do where another attempt would not help (400 to 499 but 408 and 429). Else
  /// waits as long as the server asks for, or is due; false when the watcher ends that. Throws
  /// ResourceError once the attempts are used up.
  bool try_again(const std::string& url, const HttpHead& head);

  /// The last attempt brought something: counting begins anew.
  void refill() { failed_ = 0; }

 private:
  const HubOptions* options_;
  const Watcher* watcher_;
  int failed_ = 0;  ///< attempts in a row
};

}  // namespace citer
