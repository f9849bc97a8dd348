#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hub/model_files.h"

namespace citer {

/// One repository's folder in the layout of the hub's own clients, which llama.cpp uses as well:
///   models--USER--NAME/refs/BRANCH           the commit that a branch was seen at
///   models--USER--NAME/blobs/OID             files by their hash
///   models--USER--NAME/snapshots/COMMIT/PATH links to them
class RepositoryCache {
 public:
  RepositoryCache(const std::filesystem::path& models, const std::string& repository);

  void set_branch(const std::string& branch, const std::string& commit) const;
  /// Where a commit's file is, or would be.
  std::filesystem::path snapshot(const std::string& commit, const std::string& path) const;
  std::filesystem::path blob(const std::string& oid) const;
  /// Puts a blob in its place in a snapshot. Throws InputError when that fails.
  void link(const std::string& commit, const HubFile& file) const;

  /// The commit that was seen last of `main`, or else of any branch; "": none.
  std::string commit() const;
  /// What is there of a commit.
  std::vector<HubFile> files(const std::string& commit) const;

 private:
  std::filesystem::path folder_;
};

/// Whether a path from outside stays in the folder that it is put in.
bool is_inside(const std::string& path);

/// 40 hexadecimal digits.
bool is_commit(const std::string& text);

}  // namespace citer
