// Fetching models from a hub and files from URLs, over real HTTP.
#include "hub/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "base/file.h"
#include "citer/error.h"
#include "hub_server/hub_server.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

namespace fs = std::filesystem;
using test::error_text;
using test::HubServer;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kRepository = "user/pair-GGUF";
constexpr const char* kName = "model-q4_k_m.gguf";
constexpr std::size_t kMiB = std::size_t{1} << 20;

/// Bytes that differ from place to place.
std::string some_bytes(std::size_t n, unsigned seed = 1) {
  std::string bytes(n, '\0');
  for (char& c : bytes) c = static_cast<char>((seed = seed * 1664525U + 1013904223U) >> 24);
  return bytes;
}

/// Serves all bytes, with a range or without, as a server does that knows no ranges.
HubServer::Fault without_ranges(HubServer::Fault fault) {
  return [fault](const httplib::Request& request, httplib::Response& response) {
    const_cast<httplib::Request&>(request).ranges.clear();
    return fault(request, response);
  };
}

/// Serves the file's bytes from where they are asked for, but breaks off after `n` of them.
HubServer::Fault break_off(const std::string& bytes, std::size_t n) {
  return [bytes, n](const httplib::Request&, httplib::Response& response) {
    auto sent = std::make_shared<bool>(false);
    response.set_content_provider(
        bytes.size(), "application/octet-stream",
        [bytes, n, sent](std::size_t offset, std::size_t, httplib::DataSink& sink) {
          if (*sent) return false;
          *sent = true;
          return sink.write(bytes.data() + offset, n);
        });
    return true;
  };
}

HubServer::Fault answer_with(int status, const std::string& bytes, httplib::Headers headers = {}) {
  return [=](const httplib::Request&, httplib::Response& response) {
    response.status = status;
    response.headers.insert(headers.begin(), headers.end());
    response.set_content(bytes, "application/octet-stream");
    return true;
  };
}

HubServer::Fault answer(int status, httplib::Headers headers = {}) {
  return [=](const httplib::Request&, httplib::Response& response) {
    response.status = status;
    response.headers.insert(headers.begin(), headers.end());
    return true;
  };
}

class Hub : public testing::Test {
 protected:
  Hub() {
    options_ = {.endpoint = server_.endpoint(),
                .models = folder_ / "hub",
                .files = folder_ / "files",
                .attempts = 3,
                .pause = std::chrono::milliseconds(1)};
    watcher_.on_note = [this](const std::string& line) { notes_.push_back(line); };
    watcher_.should_stop = [this] { return stop_.load(); };
  }

  void serve(const std::string& bytes, test::ListedFile listed = {}) {
    server_.add(kRepository, kName, bytes, std::move(listed));
  }

  std::optional<fs::path> fetch(const std::string& model = kRepository) {
    return fetch_model(parse_hub_model(model), options_, watcher_);
  }

  std::optional<fs::path> fetch_from(const std::string& url) {
    return fetch_url(url, options_, watcher_);
  }

  std::string url() const { return server_.url_of(kRepository, kName); }

  /// The requests for bytes so far: their path's last part, and their range.
  std::vector<std::string> byte_requests() const {
    std::vector<std::string> found;
    for (const std::string& request : server_.requests()) {
      if (request.find("/resolve/") != std::string::npos) {
        found.push_back(request.substr(request.rfind('/') + 1));
      }
    }
    return found;
  }

  fs::path repository() const { return folder_ / "hub" / "models--user--pair-GGUF"; }

  /// Names of the files under the caches, links included.
  std::vector<std::string> cached() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
      if (!entry.is_directory()) names.push_back(entry.path().filename().string());
    }
    return names;
  }

  test::TempDir folder_;
  HubServer server_;
  HubOptions options_;
  Watcher watcher_;
  std::vector<std::string> notes_;
  std::atomic<bool> stop_ = false;
};

TEST_F(Hub, FilesLieWhereTheHubsOwnClientsPutThem) {
  const std::string bytes = some_bytes(100'000);
  serve(bytes);
  const fs::path path = fetch().value();
  EXPECT_EQ(path, repository() / "snapshots" / HubServer::kCommit / kName);
  EXPECT_EQ(read_file(path), bytes);
  EXPECT_EQ(read_file(repository() / "refs" / "main"), HubServer::kCommit);
  ASSERT_TRUE(fs::is_symlink(path));
  EXPECT_TRUE(fs::read_symlink(path).is_relative()) << "the cache may be moved";
  EXPECT_EQ(fs::canonical(path).parent_path(), repository() / "blobs");
  EXPECT_EQ(fs::canonical(path).filename().string().size(), 64U);
}

TEST_F(Hub, WhatIsThereIsNotFetchedAgain) {
  serve(some_bytes(1000));
  const auto first = fetch();
  ASSERT_EQ(byte_requests().size(), 1U);
  EXPECT_EQ(fetch(), first);
  EXPECT_EQ(byte_requests().size(), 1U);
}

TEST_F(Hub, OfflineTakesTheCacheWithoutARequest) {
  serve(some_bytes(1000));
  const auto online = fetch();
  const std::size_t requests = server_.requests().size();
  options_.offline = true;
  EXPECT_EQ(fetch(), online);
  EXPECT_EQ(server_.requests().size(), requests);
  EXPECT_THAT(error_text<InputError>([&] { fetch("user/other"); }),
              AllOf(HasSubstr("user/other"), HasSubstr("offline")));
}

TEST_F(Hub, AHubThatIsDownIsNotNeededForWhatIsThere) {
  serve(some_bytes(1000));
  const auto before = fetch();
  server_.break_down(503);
  EXPECT_EQ(fetch(), before);
  EXPECT_THAT(notes_, ElementsAre(AllOf(HasSubstr("HTTP 503"), HasSubstr("cache"))));
  EXPECT_THAT(error_text<ResourceError>([&] { fetch("user/other"); }),
              AllOf(HasSubstr("HTTP 503"), HasSubstr("3 attempts")));
}

TEST_F(Hub, NobodyListening) {
  options_.endpoint = "http://127.0.0.1:1/";
  EXPECT_THAT(error_text<ResourceError>([&] { fetch(); }),
              AllOf(HasSubstr("http://127.0.0.1:1/api/models/"), HasSubstr("3 attempts")));
}

TEST_F(Hub, GoesOnWhereItBrokeOff) {
  const std::string bytes = some_bytes(3 * kMiB);
  serve(bytes);
  server_.fail_next({break_off(bytes, 1'000'000), break_off(bytes, 500'000)});
  EXPECT_EQ(read_file(fetch().value()), bytes);
  EXPECT_THAT(byte_requests(),
              ElementsAre(std::string(kName), std::string(kName) + " bytes=1000000-",
                          std::string(kName) + " bytes=1500000-"));
}

TEST_F(Hub, AServerThatAlwaysBreaksOffIsGivenUpAndGoneOnWithLater) {
  const std::string bytes = some_bytes(100'000);
  serve(bytes);
  server_.fail_next(std::vector<HubServer::Fault>(3, break_off(bytes, 1000)));
  EXPECT_THAT(error_text<ResourceError>([&] { fetch(); }),
              AllOf(HasSubstr("broke off"), HasSubstr("3 attempts")));
  EXPECT_EQ(read_file(fetch().value()), bytes);
  EXPECT_EQ(byte_requests().back(), std::string(kName) + " bytes=3000-");
}

TEST_F(Hub, AttemptsThatBringMuchDoNotCount) {
  const std::string bytes = some_bytes(8 * kMiB);
  serve(bytes);
  server_.fail_next(std::vector<HubServer::Fault>(6, break_off(bytes, kMiB)));
  EXPECT_EQ(read_file(fetch().value()), bytes);
}

TEST_F(Hub, AServerThatAlwaysStartsOverIsGivenUp) {
  const std::string bytes = some_bytes(3 * kMiB);
  serve(bytes);
  server_.fail_next(std::vector<HubServer::Fault>(9, without_ranges(break_off(bytes, 2 * kMiB))));
  EXPECT_THAT(error_text<ResourceError>([&] { fetch(); }), HasSubstr("3 attempts"));
}

TEST_F(Hub, AServerWithoutRangesStartsOver) {
  const std::string bytes = some_bytes(200'000);
  serve(bytes);
  server_.fail_next({break_off(bytes, 100'000), without_ranges(answer_with(200, bytes))});
  EXPECT_EQ(read_file(fetch().value()), bytes);
}

TEST_F(Hub, AnotherRangeThanWasAskedForIsRefused) {
  const std::string bytes = some_bytes(200'000);
  serve(bytes);
  server_.fail_next({break_off(bytes, 100'000),
                     without_ranges(answer_with(206, bytes.substr(5),
                                                {{"Content-Range", "bytes 5-199999/200000"}}))});
  EXPECT_THAT(error_text<InputError>([&] { fetch(); }),
              AllOf(HasSubstr("from 100000"), HasSubstr("bytes 5-199999/200000")));
}

TEST_F(Hub, StopsWhenToldAndGoesOnTheNextTime) {
  const std::string bytes = some_bytes(4 * kMiB);
  serve(bytes);
  watcher_.on_progress = [this](const ProgressReport& report) { stop_ = report.done >= 2; };
  EXPECT_EQ(fetch(), std::nullopt);
  EXPECT_FALSE(fs::exists(repository() / "snapshots"));
  stop_ = false;
  watcher_.on_progress = nullptr;
  EXPECT_EQ(read_file(fetch().value()), bytes);
  ASSERT_EQ(byte_requests().size(), 2U);
  EXPECT_THAT(byte_requests()[1], HasSubstr("bytes=2"));
}

TEST_F(Hub, ProgressCountsUpToTheSize) {
  serve(some_bytes(3 * kMiB));
  std::vector<ProgressReport> reports;
  watcher_.on_progress = [&](const ProgressReport& report) { reports.push_back(report); };
  fetch();
  ASSERT_FALSE(reports.empty());
  EXPECT_EQ(reports.front().what, std::string("download ") + kName);
  EXPECT_EQ(reports.front().total, 3);
  EXPECT_EQ(reports.back().what, std::string("check ") + kName);
  EXPECT_EQ(reports.back().done, 3);
}

TEST_F(Hub, ATokenOpensWhatNeedsOneAndGoesNowhereElse) {
  serve(some_bytes(1000));
  server_.want_token("hf_secret");
  EXPECT_THAT(error_text<InputError>([&] { fetch(); }),
              AllOf(HasSubstr("HTTP 401"), HasSubstr("HF_TOKEN")));
  options_.token = "hf_secret";
  HubServer elsewhere;
  elsewhere.add(kRepository, kName, some_bytes(1000));
  server_.fail_next({answer(302, {{"Location", elsewhere.url_of(kRepository, kName)}})});
  EXPECT_TRUE(fetch());
  EXPECT_EQ(elsewhere.requests().size(), 1U);
  EXPECT_EQ(elsewhere.last_headers().count("Authorization"), 0U);
}

TEST_F(Hub, WhatTheServerRefusesIsNotAskedForAgain) {
  serve(some_bytes(1000));
  for (const auto& [status, advice] :
       {std::pair{401, "HF_TOKEN"}, {403, "terms"}, {404, "no such file"}, {410, "refuses"}}) {
    const std::size_t before = byte_requests().size();
    server_.fail_next({answer(status, {{"X-Error-Message", "because"}})});
    EXPECT_THAT(error_text<InputError>([&] { fetch(); }),
                AllOf(HasSubstr("HTTP " + std::to_string(status) + " (because)"), HasSubstr(advice),
                      HasSubstr(kName)));
    EXPECT_EQ(byte_requests().size(), before + 1);
  }
  EXPECT_THAT(error_text<InputError>([&] { fetch("user/none"); }), HasSubstr("HTTP 404"));
}

TEST_F(Hub, WhatMayPassIsTriedAgain) {
  const std::string bytes = some_bytes(1000);
  serve(bytes);
  server_.fail_next({answer(429, {{"Retry-After", "0"}}), answer(500)});
  EXPECT_EQ(read_file(fetch().value()), bytes);
  EXPECT_EQ(byte_requests().size(), 3U);
}

TEST_F(Hub, AServerThatAsksForPatienceGetsIt) {
  serve(some_bytes(1000));
  server_.fail_next({answer(429, {{"Retry-After", "1"}})});
  const auto start = std::chrono::steady_clock::now();
  fetch();
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

TEST_F(Hub, MoreThanThereIsCameBefore) {
  const std::string bytes = some_bytes(1000);
  server_.add(kRepository, kName, bytes);
  const auto path = fetch_from(url());
  std::ofstream(path->string() + ".downloadInProgress") << some_bytes(5000, 2);
  fs::copy_file(path->string() + ".etag", path->string() + ".downloadInProgress.etag");
  fs::remove(*path);
  EXPECT_EQ(read_file(fetch_from(url()).value()), bytes);
  EXPECT_THAT(byte_requests(), Contains(std::string(kName) + " bytes=5000-"));
}

TEST_F(Hub, ASizeThatIsNotTheListedOneIsRefused) {
  for (const std::int64_t listed : {999, 1001}) {
    serve(some_bytes(1000), {.size = listed});
    EXPECT_THAT(error_text<InputError>([&] { fetch(); }),
                AllOf(HasSubstr("has 1000 bytes"), HasSubstr(std::to_string(listed))));
    EXPECT_THAT(cached(), testing::IsEmpty());
  }
}

TEST_F(Hub, MoreBytesThanListedAreRefused) {
  serve(some_bytes(1000));
  server_.fail_next({[](const httplib::Request&, httplib::Response& response) {
    response.set_chunked_content_provider("application/octet-stream",
                                          [](std::size_t, httplib::DataSink& sink) {
                                            const std::string more(1001, 'x');
                                            sink.write(more.data(), more.size());
                                            sink.done();
                                            return true;
                                          });
    return true;
  }});
  EXPECT_THAT(error_text<InputError>([&] { fetch(); }), HasSubstr("more than the 1000 bytes"));
  EXPECT_THAT(cached(), testing::IsEmpty());
}

TEST_F(Hub, DamagedBytesAreRefusedAndFetchedAnew) {
  const std::string bytes = some_bytes(2000);
  serve(bytes);
  std::string damaged = bytes;
  damaged[100] ^= 1;
  server_.fail_next({break_off(damaged, 1000)});
  EXPECT_THAT(error_text<InputError>([&] { fetch(); }),
              AllOf(HasSubstr("damaged"), HasSubstr("expected")));
  EXPECT_THAT(cached(), testing::IsEmpty());
  EXPECT_EQ(read_file(fetch().value()), bytes);
}

TEST_F(Hub, SmallFilesAreCheckedByGitsHash) {
  // `printf 'small' | git hash-object --stdin`
  serve("small", {.oid = "2a4a5e5a7d77d9d2f5cdb5a4d8b9a7a0a0a7c6b9"});
  EXPECT_THAT(error_text<InputError>([&] { fetch(); }), HasSubstr("damaged"));
  serve("small", {.oid = "64c3ecd7abb014643a372e0155b41cfca014c01f"});
  EXPECT_EQ(read_file(fetch().value()), "small");
}

TEST_F(Hub, RedirectsEndSomewhere) {
  serve(some_bytes(1000));
  server_.fail_next(std::vector<HubServer::Fault>(20, answer(302, {{"Location", url()}})));
  EXPECT_THAT(error_text<InputError>([&] { fetch(); }), HasSubstr("more than 10 redirects"));
  server_.fail_next({answer(307, {{"Location", url().substr(server_.endpoint().size() - 1)}})});
  EXPECT_TRUE(fetch()) << "a path of the same host";
}

TEST_F(Hub, PathsOutOfTheCacheAreNotTaken) {
  server_.add(kRepository, "../../../evil-q4_k_m.gguf", "x");
  EXPECT_THAT(error_text<InputError>([&] { fetch(); }), HasSubstr("no GGUF file"));
}

TEST_F(Hub, WhatIsNoHubIsSaid) {
  server_.add("api/models", kName, "x");
  options_.endpoint = server_.url_of("api", "").substr(0, server_.endpoint().size() + 3) + "/";
  EXPECT_THAT(error_text<InputError>([&] { fetch(); }), HasSubstr("HTTP 404"));
}

TEST_F(Hub, PartsOfAModelAreAllFetched) {
  for (int part = 1; part <= 3; ++part) {
    server_.add(kRepository, fmt::format("big/big-Q8_0-{:05}-of-00003.gguf", part),
                some_bytes(1000, static_cast<unsigned>(part)));
  }
  const fs::path path = fetch(std::string(kRepository) + ":q8_0").value();
  EXPECT_THAT(path.string(), testing::EndsWith("big/big-Q8_0-00001-of-00003.gguf"));
  EXPECT_EQ(read_file(path.parent_path() / "big-Q8_0-00003-of-00003.gguf"), some_bytes(1000, 3));
}

TEST_F(Hub, ManyAtOnceFetchItOnce) {
  const std::string bytes = some_bytes(4 * kMiB);
  serve(bytes);
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      const auto path = fetch_model(parse_hub_model(kRepository), options_, {});
      if (read_file(path.value()) == bytes) ++right;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 6);
  EXPECT_EQ(byte_requests().size(), 1U);
  EXPECT_THAT(cached(), Not(Contains(HasSubstr("downloadInProgress"))));
}

TEST_F(Hub, AFolderThatCannotBeMade) {
  serve(some_bytes(1000));
  write_file(folder_ / "hub", "a file");
  EXPECT_THAT(error_text<InputError>([&] { fetch(); }),
              AllOf(HasSubstr((folder_ / "hub").string()), HasSubstr("cannot create")));
}

TEST_F(Hub, NoRoomIsSaidBeforeTheDiskIsFull) {
  serve(some_bytes(1000), {.size = std::int64_t{1} << 60});
  server_.fail_next({[](const httplib::Request&, httplib::Response& response) {
    response.set_content_provider(
        std::size_t{1} << 60, "application/octet-stream",
        [](std::size_t, std::size_t, httplib::DataSink&) { return false; });
    return true;
  }});
  EXPECT_THAT(error_text<ResourceError>([&] { fetch(); }),
              AllOf(HasSubstr("no room"), HasSubstr("free")));
}

TEST_F(Hub, AUrlIsFetchedOnceUntilItChanges) {
  const std::string bytes = some_bytes(1000);
  serve(bytes);
  const fs::path path = fetch_from(url() + "?download=true").value();
  EXPECT_EQ(path, folder_ / "files" / kName);
  EXPECT_EQ(read_file(path), bytes);
  EXPECT_THAT(cached(), testing::UnorderedElementsAre(kName, std::string(kName) + ".etag"));
  const auto old = fs::last_write_time(path);
  fetch_from(url());
  EXPECT_EQ(fs::last_write_time(path), old);
  serve(some_bytes(1000, 2));
  EXPECT_EQ(read_file(fetch_from(url()).value()), some_bytes(1000, 2));
}

TEST_F(Hub, AUrlThatChangedWhileItWasFetchedStartsOver) {
  const std::string bytes = some_bytes(3000);
  serve(bytes);
  watcher_.on_progress = [this](const ProgressReport&) { stop_ = true; };
  server_.fail_next({nullptr, break_off(bytes, 1000)});
  EXPECT_EQ(fetch_from(url()), std::nullopt);
  stop_ = false;
  watcher_.on_progress = nullptr;
  serve(some_bytes(3000, 2));
  EXPECT_EQ(read_file(fetch_from(url()).value()), some_bytes(3000, 2));
}

TEST_F(Hub, AUrlThatCannotBeReachedIsTakenFromTheCache) {
  serve(some_bytes(1000));
  const auto path = fetch_from(url());
  server_.break_down(500);
  EXPECT_EQ(fetch_from(url()), path);
  EXPECT_THAT(notes_, ElementsAre(AllOf(HasSubstr("HTTP 500"), HasSubstr(path->string()))));
  options_.offline = true;
  EXPECT_EQ(fetch_from(url()), path);
  EXPECT_THAT(error_text<InputError>([&] { fetch_from(url() + "x"); }), HasSubstr("offline"));
}

TEST_F(Hub, PartsAtAUrlAreAllFetched) {
  for (const char* part : {"m-00001-of-00002.gguf", "m-00002-of-00002.gguf"}) {
    server_.add(kRepository, part, some_bytes(1000));
  }
  const fs::path path = fetch_from(server_.url_of(kRepository, "m-00001-of-00002.gguf")).value();
  EXPECT_TRUE(fs::exists(path.parent_path() / "m-00002-of-00002.gguf"));
}

TEST_F(Hub, WhatIsNoNameOrUrlIsRefused) {
  for (const char* name : {"", "name", "/name", "user/", "a/b/c", "user/na me", "user/name:",
                           "../name", "user/..", "user/-name", "https://host/user/name"}) {
    EXPECT_THAT(error_text<UsageError>([&] { parse_hub_model(name); }), HasSubstr(name));
  }
  for (const char* url :
       {"", "host/file", "ftp://host/file", "http:///file", "http://host/", "http://host/.."}) {
    EXPECT_THAT(error_text<UsageError>([&] { fetch_from(url); }), HasSubstr(url));
  }
}

}  // namespace
}  // namespace citer
