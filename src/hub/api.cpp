#include "hub/api.h"

#include <functional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "citer/error.h"
#include "hub/cache.h"
#include "hub/checksum.h"
#include "hub/http.h"
#include "hub/patience.h"

namespace citer {

namespace {

using nlohmann::json;

constexpr std::size_t kLongestAnswer = std::size_t{64} << 20;

[[noreturn]] void make_no_sense(const std::string& url, const std::string& expected) {
  throw InputError(fmt::format("{}: the answer is not the hub API's: expected {}", url, expected));
}

std::optional<std::string> get_text(const std::string& url, const HubOptions& options,
                                    const Watcher& watcher) {
  Patience patience(options, watcher);
  while (!watcher.wants_stop()) {
    std::string body;
    const HttpHead head =
        http_get({.url = url,
                  .token = options.token,
                  .headers = {{"Accept", "application/json"}},
                  .on_head = [](const HttpHead& h) { return h.status == 200; },
                  .on_bytes =
                      [&](std::string_view bytes) {
                        body += bytes;
                        return body.size() <= kLongestAnswer && !watcher.wants_stop();
                      }});
    if (body.size() > kLongestAnswer) make_no_sense(url, "at most 64 MiB");
    if (head.status == 200 && head.fault.empty() && !watcher.wants_stop()) {
      return body;
    }
    try {
      if (!patience.try_again(url, head)) break;
    } catch (const ResourceError& e) {
      throw HubUnreachable(e.what());
    }
  }
  return std::nullopt;
}

json parse(std::string_view answer, const std::string& url) {
  json parsed = json::parse(answer, nullptr, false);
  if (parsed.is_discarded()) make_no_sense(url, "JSON");
  return parsed;
}

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// {"type": "file", "path": ..., "size": ..., "oid": ..., "lfs": {"oid": ..., "size": ...}}: of a
/// large file the outer oid is that of a pointer to it.
std::optional<HubFile> read_file_entry(const json& entry) {
  if (!entry.is_object() || text_of(entry, "type") != "file") return std::nullopt;
  const auto lfs = entry.find("lfs");
  const bool is_large = lfs != entry.end() && lfs->is_object();
  const json& content = is_large ? *lfs : entry;
  HubFile file{.path = text_of(entry, "path"), .oid = text_of(content, "oid")};
  if (!is_inside(file.path) || !is_object_id(file.oid)) return std::nullopt;
  const auto size = content.find("size");
  if (size != content.end() && size->is_number_unsigned()) file.size = size->get<std::uint64_t>();
  return file;
}

}  // namespace

/// {"branches": [{"name": "main", "targetCommit": "..."}]}
void read_refs(std::string_view answer, const std::string& url, HubListing& listing) {
  const json refs = parse(answer, url);
  if (refs.is_object() && refs.contains("branches") && refs["branches"].is_array()) {
    for (const json& branch : refs["branches"]) {
      if (!branch.is_object()) continue;
      const std::string name = text_of(branch, "name");
      const std::string commit = text_of(branch, "targetCommit");
      if (!is_inside(name) || !is_commit(commit)) continue;
      if (listing.commit.empty() || name == "main") {
        listing.branch = name;
        listing.commit = commit;
      }
    }
  }
  if (listing.commit.empty()) make_no_sense(url, "a list of branches");
}

void read_tree(std::string_view answer, const std::string& url, HubListing& listing) {
  const json tree = parse(answer, url);
  if (!tree.is_array()) make_no_sense(url, "a list of files");
  for (const json& entry : tree) {
    if (auto file = read_file_entry(entry)) listing.files.push_back(std::move(*file));
  }
}

std::optional<HubListing> list_repository(const std::string& repository, const HubOptions& options,
                                          const Watcher& watcher) {
  const std::string api = options.endpoint + "api/models/" + repository;
  const std::string refs_url = api + "/refs";
  const auto refs = get_text(refs_url, options, watcher);
  if (!refs) return std::nullopt;
  HubListing listing;
  read_refs(*refs, refs_url, listing);

  const std::string tree_url = api + "/tree/" + listing.commit + "?recursive=true";
  const auto tree = get_text(tree_url, options, watcher);
  if (!tree) return std::nullopt;
  read_tree(*tree, tree_url, listing);
  return listing;
}

}  // namespace citer
