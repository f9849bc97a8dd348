#pragma once

#include <optional>
#include <string>
#include <vector>

#include "citer/error.h"
#include "citer/progress.h"
#include "hub/model_files.h"

namespace citer {

/// What a hub says of a repository.
struct HubListing {
  std::string branch{};  ///< "main", or the first one
  std::string commit{};
  std::vector<HubFile> files{};
};

/// The hub could not be reached, or fails.
class HubUnreachable : public ResourceError {
 public:
  using ResourceError::ResourceError;
};

/// Asks the hub's API. Nothing when the watcher ended it. Throws InputError (no such repository; an
/// answer that makes no sense, named) or HubUnreachable.
std::optional<HubListing> list_repository(const std::string& repository, const HubOptions& options,
                                          const Watcher& watcher);

}  // namespace citer
