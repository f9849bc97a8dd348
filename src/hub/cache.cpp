#include "hub/cache.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "citer/error.h"
#include "hub/checksum.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

std::string folder_name(const std::string& repository) {
  std::string name = "models--" + repository;
  const std::size_t slash = name.find('/');
  return name.replace(slash, 1, "--");
}

}  // namespace

RepositoryCache::RepositoryCache(const fs::path& models, const std::string& repository)
    : folder_(models / folder_name(repository)) {}

void RepositoryCache::set_branch(const std::string& branch, const std::string& commit) const {
  const fs::path file = folder_ / "refs" / branch;
  create_folder(file.parent_path());
  write_file(file, commit);
}

fs::path RepositoryCache::snapshot(const std::string& commit, const std::string& path) const {
  return folder_ / "snapshots" / commit / path;
}

fs::path RepositoryCache::blob(const std::string& oid) const { return folder_ / "blobs" / oid; }

void RepositoryCache::link(const std::string& commit, const HubFile& file) const {
  const fs::path place = snapshot(commit, file.path);
  create_folder(place.parent_path());
  std::error_code error;
  fs::create_symlink(fs::relative(blob(file.oid), place.parent_path()), place, error);
  if (error && !fs::exists(place)) {
    throw InputError(fmt::format("{}: cannot link to {}: {}", place.string(),
                                 blob(file.oid).string(), error.message()));
  }
}

std::string RepositoryCache::commit() const {
  std::error_code error;
  std::string found;
  for (const auto& entry : fs::directory_iterator(folder_ / "refs", error)) {
    if (!entry.is_regular_file()) continue;
    const std::string text = read_file(entry.path());
    const std::string commit(trim(text));
    if (!is_commit(commit)) continue;
    if (found.empty() || entry.path().filename() == "main") found = commit;
  }
  return found;
}

std::vector<HubFile> RepositoryCache::files(const std::string& commit) const {
  std::vector<HubFile> files;
  if (commit.empty()) return files;
  const fs::path root = folder_ / "snapshots" / commit;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(root, error)) {
    // A link whose blob is gone is none.
    if (!entry.is_regular_file(error)) continue;
    files.push_back({.path = entry.path().lexically_relative(root).generic_string()});
  }
  std::sort(files.begin(), files.end(),
            [](const HubFile& a, const HubFile& b) { return a.path < b.path; });
  return files;
}

bool is_inside(const std::string& path) {
  const fs::path whole(path);
  return !path.empty() && whole.is_relative() &&
         std::find(whole.begin(), whole.end(), "..") == whole.end();
}

bool is_commit(const std::string& text) { return text.size() == 40 && is_object_id(text); }

}  // namespace citer
