#pragma once

#include <optional>
#include <string>
#include <string_view>
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

/// Take up what the hub says of a repository's branches, and of a commit's files; `url` is for
/// errors. What is no branch, or no file that could be fetched, is left out. Throw InputError for
/// an answer that is something else.
void read_refs(std::string_view answer, const std::string& url, HubListing& listing);
void read_tree(std::string_view answer, const std::string& url, HubListing& listing);

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
