#pragma once

#include <httplib.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace citer::test {

/// What the API says of a file's hash and size instead of the truth.
struct ListedFile {
  std::string oid{};
  std::int64_t size = -1;
};

/// A server on the loopback that speaks the part of a hub's API that clients fetch models by, and
/// can be told to fail.
class HubServer {
 public:
  static constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

  /// What a request for a file's bytes meets instead; false: nothing, it is served.
  using Fault = std::function<bool(const httplib::Request&, httplib::Response&)>;

  /// 0: a free port.
  explicit HubServer(int port = 0);
  ~HubServer();
  HubServer(const HubServer&) = delete;
  HubServer& operator=(const HubServer&) = delete;

  /// A file of a repository ("user/name").
  void add(const std::string& repository, const std::string& path, std::string bytes,
           ListedFile listed = {});
  /// The same from a file on the disk, read as it is served.
  void add_file(const std::string& repository, const std::string& path, const std::string& from);

  /// Faults of the next requests for bytes, one each, in this order.
  void fail_next(std::vector<Fault> faults);
  /// Requests without this token get 401.
  void want_token(const std::string& token);
  /// Every request, the API's included, gets this status; 0: none does.
  void break_down(int status);

  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  std::string url_of(const std::string& repository, const std::string& path) const;

  /// "METHOD PATH [RANGE]" of each request so far.
  std::vector<std::string> requests() const;
  /// Headers of the last request.
  httplib::Headers last_headers() const;

 private:
  struct File {
    std::string bytes{};
    std::string from{};  ///< path on the disk, instead of bytes
    std::string oid{};
    std::uint64_t size = 0;
    ListedFile listed{};
  };
  void put_file(const std::string& repository, const std::string& path, File file);
  std::string tree(const std::string& repository) const;
  bool meets_fault(const httplib::Request& request, httplib::Response& response);
  void serve_bytes(const httplib::Request& request, httplib::Response& response);

  httplib::Server server_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, File>> repositories_;
  std::vector<Fault> faults_;
  std::string token_;
  int broken_status_ = 0;
  std::vector<std::string> requests_;
  httplib::Headers last_headers_;
  std::thread thread_;
};

}  // namespace citer::test
