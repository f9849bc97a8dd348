#include "hub/download.h"

#include <algorithm>
#include <charconv>
#include <exception>

#include <fmt/format.h>

#include "base/file.h"
#include "citer/error.h"
#include "hub/checksum.h"
#include "hub/http.h"
#include "hub/partial_file.h"
#include "hub/patience.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

constexpr int kWhole = 200;
constexpr int kRest = 206;
constexpr int kNotThatFar = 416;
/// An attempt that brings so much was worth it: the next one is a first one again.
constexpr std::uint64_t kProgress = std::uint64_t{1} << 20;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

/// "bytes FIRST-LAST/TOTAL"
struct ContentRange {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> total;
};

ContentRange content_range(const HttpHead& head) {
  const std::string text = head.header("content-range");
  const std::string_view all = text;
  const std::size_t slash = std::min(all.find('/'), all.size());
  const std::size_t dash = std::min(all.find('-'), slash);
  constexpr std::string_view kUnit = "bytes ";
  ContentRange range;
  if (!all.starts_with(kUnit)) return range;
  range.first = number(all.substr(kUnit.size(), dash - std::min(dash, kUnit.size())));
  if (slash < all.size()) range.total = number(all.substr(slash + 1));
  return range;
}

fs::path etag_path(const fs::path& file) { return fs::path(file) += ".etag"; }

std::int64_t mebibytes(std::uint64_t bytes) { return static_cast<std::int64_t>(bytes >> 20); }

/// One file on its way.
class Transfer {
 public:
  Transfer(const RemoteFile& file, fs::path to, PartialFile partial, const HubOptions& options,
           const Watcher& watcher)
      : file_(file),
        to_(std::move(to)),
        partial_(std::move(partial)),
        patience_(options, watcher),
        watcher_(watcher),
        total_(file.size) {}

  bool run() {
    if (!can_resume()) partial_.clear();
    if (!file_.etag.empty()) write_file(etag_path(partial_path(to_)), file_.etag);
    std::uint64_t farthest = partial_.size();
    while (!is_whole()) {
      const HttpHead head = attempt();
      if (fatal_) std::rethrow_exception(fatal_);
      if (watcher_.wants_stop()) return false;
      if (whole_ || is_whole()) break;
      if (partial_.size() >= farthest + kProgress) patience_.refill();
      farthest = std::max(farthest, partial_.size());
      if (!patience_.try_again(file_.url, head.status == kNotThatFar ? start_over() : head)) {
        return false;
      }
    }
    return finish();
  }

 private:
  /// Whether what is there can be told to be a beginning of this file.
  bool can_resume() const {
    return !file_.oid.empty() ||
           (!file_.etag.empty() && kept_etag(partial_path(to_)) == file_.etag);
  }

  HttpHead start_over() {
    partial_.clear();
    return {.fault = "the server has fewer bytes of it than came before"};
  }

  bool is_whole() const { return total_ && partial_.size() == *total_; }

  HttpHead attempt() {
    HttpGet get{.url = file_.url, .token = file_.token};
    if (partial_.size() > 0) {
      get.headers["Range"] = fmt::format("bytes={}-", partial_.size());
      if (file_.oid.empty()) get.headers["If-Range"] = file_.etag;
    }
    get.on_head = [this](const HttpHead& head) { return guarded([&] { return begin(head); }); };
    get.on_bytes = [this](std::string_view bytes) { return guarded([&] { return take(bytes); }); };
    whole_ = false;
    HttpHead head = http_get(get);
    if (head.status == kNotThatFar) whole_ = content_range(head).total == partial_.size();
    // Without a length the end of the body is the end of the file.
    if (head.status / 100 == 2) whole_ = head.fault.empty() && !total_;
    return head;
  }

  /// The client calls back: what is thrown there is kept for who called it.
  template <typename Step>
  bool guarded(Step step) {
    try {
      return step();
    } catch (...) {
      fatal_ = std::current_exception();
      return false;
    }
  }

  bool begin(const HttpHead& head) {
    if (head.status != kWhole && head.status != kRest) return false;
    if (head.status == kWhole) {
      if (partial_.size() > 0) partial_.clear();  // it changed, or ranges are not served
      expect(number(head.header("content-length")));
    } else {
      const ContentRange range = content_range(head);
      if (range.first != partial_.size()) {
        throw InputError(fmt::format("{}: asked for bytes from {}, got '{}'", file_.url,
                                     partial_.size(), head.header("content-range")));
      }
      expect(range.total);
    }
    check_space();
    report();
    return true;
  }

  /// The server says how long the file is.
  void expect(std::optional<std::uint64_t> total) {
    if (file_.size && total && *total != *file_.size) {
      discard();
      throw InputError(fmt::format("{}: has {} bytes, expected {}, which the hub lists", file_.url,
                                   *total, *file_.size));
    }
    if (total) total_ = total;
  }

  void check_space() const {
    std::error_code error;
    const fs::space_info space = fs::space(to_.parent_path(), error);
    if (error || !total_ || space.available >= *total_ - partial_.size()) return;
    throw ResourceError(
        fmt::format("{}: no room for the {} MiB of {} that are missing: {} MiB are free",
                    to_.parent_path().string(), mebibytes(*total_ - partial_.size()), file_.name,
                    mebibytes(space.available)));
  }

  bool take(std::string_view bytes) {
    if (total_ && partial_.size() + bytes.size() > *total_) {
      discard();
      throw InputError(fmt::format("{}: more than the {} bytes expected", file_.url, *total_));
    }
    partial_.append(bytes);
    report();
    return !watcher_.wants_stop();
  }

  void report() const {
    watcher_.report({.what = "download " + file_.name,
                     .unit = "MiB",
                     .done = mebibytes(partial_.size()),
                     .total = mebibytes(total_.value_or(0))});
  }

  void discard() {
    partial_.remove();
    std::error_code ignored;
    fs::remove(etag_path(partial_path(to_)), ignored);
  }

  bool finish() {
    if (!check_hash()) return false;
    partial_.become(to_);
    std::error_code ignored;  // without the tag the file is fetched again some day
    if (!file_.etag.empty()) fs::rename(etag_path(partial_path(to_)), etag_path(to_), ignored);
    return true;
  }

  /// False when the watcher ended it.
  bool check_hash() {
    if (file_.oid.empty()) return true;
    const std::string found = checksum_like(file_.oid, partial_path(to_), [&](std::uint64_t bytes) {
      watcher_.report({.what = "check " + file_.name,
                       .unit = "MiB",
                       .done = mebibytes(bytes),
                       .total = mebibytes(partial_.size())});
      return !watcher_.wants_stop();
    });
    if (found.empty()) return false;
    if (found == file_.oid) return true;
    discard();
    throw InputError(fmt::format(
        "{}: damaged: its hash is {}, expected {}, which the hub lists; what came was removed, the "
        "same command fetches it anew",
        file_.url, found, file_.oid));
  }

  const RemoteFile& file_;
  const fs::path to_;
  PartialFile partial_;
  Patience patience_;
  const Watcher& watcher_;
  std::optional<std::uint64_t> total_;  ///< bytes of the file
  bool whole_ = false;                  ///< the last attempt came to the end of an unknown length
  std::exception_ptr fatal_;
};

}  // namespace

fs::path partial_path(const fs::path& to) { return fs::path(to) += ".downloadInProgress"; }

std::string kept_etag(const fs::path& file) {
  std::error_code error;
  return fs::exists(etag_path(file), error) ? read_file(etag_path(file)) : "";
}

bool download(const RemoteFile& file, const fs::path& to, const HubOptions& options,
              const Watcher& watcher) {
  std::optional<PartialFile> partial = PartialFile::open(partial_path(to), watcher);
  if (!partial) return false;
  // Who held the lock may have finished.
  std::error_code error;
  const bool is_known = !file.oid.empty() || (!file.etag.empty() && kept_etag(to) == file.etag);
  if (is_known && fs::exists(to, error)) {
    partial->remove();
    return true;
  }
  return Transfer(file, to, std::move(*partial), options, watcher).run();
}

}  // namespace citer
