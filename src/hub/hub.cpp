#include "hub/hub.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include <fmt/format.h>

#include "citer/error.h"
#include "hub/api.h"
#include "hub/cache.h"
#include "hub/download.h"
#include "hub/http.h"
#include "hub/model_files.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

/// Letters, digits and '_', with single '-' and '.' between them, and one '/'.
bool is_repository(const std::string& text) {
  constexpr std::size_t kLongest = 256;
  if (text.size() > kLongest || std::count(text.begin(), text.end(), '/') != 1) return false;
  char before = '/';
  for (const char c : text + '/') {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    const bool special = c == '/' || c == '-' || c == '.';
    const bool after_special = before == '/' || before == '-' || before == '.';
    if (!plain && (!special || after_special)) return false;
    before = c;
  }
  return true;
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// What the cache has of the model.
fs::path cached_model(const HubModel& model, const HubOptions& options) {
  const RepositoryCache cache(options.models, model.repository);
  const std::string commit = cache.commit();
  const std::vector<HubFile> files = cache.files(commit);
  if (files.empty()) {
    throw InputError(fmt::format("{}: not in {}, and offline: fetch it once with a connection",
                                 model.repository, options.models.string()));
  }
  return cache.snapshot(commit, choose_model_files(model, files).front().path);
}

/// False when the watcher ended it.
bool fetch_file(const HubFile& file, const HubModel& model, const std::string& commit,
                const HubOptions& options, const Watcher& watcher) {
  const RepositoryCache cache(options.models, model.repository);
  if (is_there(cache.snapshot(commit, file.path))) return true;
  const RemoteFile remote{.url = fmt::format("{}{}/resolve/{}/{}", options.endpoint,
                                             model.repository, commit, encode_path(file.path)),
                          .name = fs::path(file.path).filename().string(),
                          .token = options.token,
                          .size = file.size,
                          .oid = file.oid};
  if (!is_there(cache.blob(file.oid)) &&
      !download(remote, cache.blob(file.oid), options, watcher)) {
    return false;
  }
  cache.link(commit, file);
  return true;
}

std::string without_query(const std::string& url) { return url.substr(0, url.find_first_of("?#")); }

/// The URL of another part: a query or fragment stays.
std::string url_of_part(const std::string& url, const SplitName& name, int part) {
  const std::string path = without_query(url);
  return path.substr(0, path.rfind('/') + 1) + name.of_part(part) + url.substr(path.size());
}

/// Nothing when the watcher ended it.
std::optional<fs::path> fetch_one_url(const std::string& url, const std::string& name,
                                      const HubOptions& options, const Watcher& watcher) {
  const fs::path to = options.files / name;
  const bool is_cached = is_there(to);
  if (options.offline) {
    if (is_cached) return to;
    throw InputError(fmt::format("{}: not in {}, and offline: fetch it once with a connection", url,
                                 options.files.string()));
  }
  // A token is for the hub alone.
  const std::string token = url.starts_with(options.endpoint) ? options.token : "";
  const HttpHead head =
      http_get({.url = url, .token = token, .on_head = [](const HttpHead&) { return false; }});
  const bool is_answered = head.status == 200;
  const std::string etag = is_answered ? head.header("etag") : "";
  if (is_cached && (!is_answered || etag.empty() || etag == kept_etag(to))) {
    if (!is_answered) {
      watcher.note(fmt::format(
          "{}: {}; taking {}", url,
          head.fault.empty() ? fmt::format("HTTP {}", head.status) : head.fault, to.string()));
    }
    return to;
  }
  const RemoteFile remote{.url = url, .name = name, .token = token, .etag = etag};
  if (!download(remote, to, options, watcher)) return std::nullopt;
  return to;
}

}  // namespace

HubModel parse_hub_model(const std::string& text) {
  const std::size_t colon = text.find(':');
  HubModel model{.repository = text.substr(0, colon)};
  if (colon != std::string::npos) model.quantisation = text.substr(colon + 1);
  if (!is_repository(model.repository) ||
      (colon != std::string::npos && model.quantisation.empty())) {
    throw UsageError(fmt::format(
        "'{}': expected a model's name on the hub, USER/NAME or USER/NAME:QUANTISATION", text));
  }
  return model;
}

std::optional<fs::path> fetch_model(const HubModel& model, const HubOptions& options,
                                    const Watcher& watcher) {
  if (options.offline) return cached_model(model, options);
  std::optional<HubListing> listing;
  try {
    listing = list_repository(model.repository, options, watcher);
  } catch (const HubUnreachable& e) {
    const RepositoryCache cache(options.models, model.repository);
    if (cache.files(cache.commit()).empty()) throw;
    watcher.note(fmt::format("{}; taking what the cache has", e.what()));
    return cached_model(model, options);
  }
  if (!listing) return std::nullopt;
  const RepositoryCache cache(options.models, model.repository);
  const std::vector<HubFile> files = choose_model_files(model, listing->files);
  for (const HubFile& file : files) {
    if (!fetch_file(file, model, listing->commit, options, watcher)) return std::nullopt;
  }
  // Last: who is offline looks for the commit that is whole.
  cache.set_branch(listing->branch, listing->commit);
  return cache.snapshot(listing->commit, files.front().path);
}

std::optional<fs::path> fetch_url(const std::string& url, const HubOptions& options,
                                  const Watcher& watcher) {
  const std::string path = without_query(url);
  const SplitName name = split_name(path.substr(path.rfind('/') + 1));
  if (name.prefix.empty() || name.prefix == "." || name.prefix == "..") {
    throw UsageError(fmt::format("'{}': expected the URL of a file", url));
  }
  std::optional<fs::path> first;
  for (int part = 1; part <= name.parts; ++part) {
    const auto fetched =
        fetch_one_url(url_of_part(url, name, part), name.of_part(part), options, watcher);
    if (!fetched) return std::nullopt;
    if (part == 1) first = fetched;
  }
  return first;
}

}  // namespace citer
