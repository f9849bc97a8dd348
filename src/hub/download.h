#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "citer/progress.h"
#include "hub/options.h"

namespace citer {

/// A file somewhere else.
struct RemoteFile {
  std::string url{};
  std::string name{};   ///< for people
  std::string token{};  ///< "": none
  /// What the hub says of it, where it does.
  std::optional<std::uint64_t> size{};
  std::string oid{};   ///< see checksum_like(); "": not known
  std::string etag{};  ///< entity tag, where no hash tells the file from others; "": not known
};

/// What a download writes until the file is whole. llama.cpp calls it so, too, and goes on with it.
std::filesystem::path partial_path(const std::filesystem::path& to);

/// The entity tag that is kept beside a file, as llama.cpp does; "": none.
std::string kept_etag(const std::filesystem::path& file);

/// Brings a file to `to` unless it is there already: goes on where an earlier attempt or process
/// broke off, checks size and hash, then renames it into place. Of several processes that want the
/// file one fetches it, the others wait. False when the watcher ended it; what came is kept.
///
/// Throws InputError (the server refuses; size or hash are not the hub's), ResourceError (the
/// server fails again and again, the disk is full) or UsageError (no URL).
bool download(const RemoteFile& file, const std::filesystem::path& to, const HubOptions& options,
              const Watcher& watcher);

}  // namespace citer
