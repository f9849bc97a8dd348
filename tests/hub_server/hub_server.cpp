#include "hub_server/hub_server.h"

#include <openssl/sha.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace citer::test {

namespace {

using nlohmann::json;

/// SHA-256 by OpenSSL's one-shot call; what is tested grows it block by block.
std::string sha256(const unsigned char* bytes, std::size_t n) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(bytes, n, hash);
  std::string text;
  for (const unsigned char byte : hash) text += fmt::format("{:02x}", byte);
  return text;
}

std::string sha256(const std::string& bytes) {
  return sha256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

HubServer::HubServer(int port) {
  server_.set_pre_routing_handler([this](const httplib::Request& request,
                                         httplib::Response& response) {
    const std::lock_guard lock(mutex_);
    const std::string range = request.get_header_value("Range");
    requests_.push_back(request.method + " " + request.path + (range.empty() ? "" : " " + range));
    last_headers_ = request.headers;
    const bool may =
        token_.empty() || request.get_header_value("Authorization") == "Bearer " + token_;
    if (may && broken_status_ == 0) return httplib::Server::HandlerResponse::Unhandled;
    response.status = may ? broken_status_ : 401;
    return httplib::Server::HandlerResponse::Handled;
  });
  server_.Get(R"(/api/models/([^/]+/[^/]+)/refs)",
              [this](const httplib::Request& request, httplib::Response& response) {
                const std::lock_guard lock(mutex_);
                if (repositories_.count(request.matches[1]) == 0) {
                  response.status = 404;
                  return;
                }
                const json refs = {{"branches",
                                    {{{"name", "other"}, {"targetCommit", std::string(40, 'f')}},
                                     {{"name", "main"}, {"targetCommit", kCommit}}}}};
                response.set_content(refs.dump(), "application/json");
              });
  server_.Get(R"(/api/models/([^/]+/[^/]+)/tree/([0-9a-f]+))",
              [this](const httplib::Request& request, httplib::Response& response) {
                const std::lock_guard lock(mutex_);
                response.set_content(tree(request.matches[1]), "application/json");
              });
  server_.Get(R"(/([^/]+/[^/]+)/resolve/([0-9a-f]+)/(.+))",
              [this](const httplib::Request& request, httplib::Response& response) {
                if (!meets_fault(request, response)) serve_bytes(request, response);
              });
  port_ = port == 0                                 ? server_.bind_to_any_port("127.0.0.1")
          : server_.bind_to_port("127.0.0.1", port) ? port
                                                    : -1;
  if (port_ < 0) throw std::runtime_error("cannot listen on the loopback");
  thread_ = std::thread([this] { server_.listen_after_bind(); });
  server_.wait_until_ready();
}

HubServer::~HubServer() {
  server_.stop();
  thread_.join();
}

void HubServer::put_file(const std::string& repository, const std::string& path, File file) {
  const std::lock_guard lock(mutex_);
  repositories_[repository][path] = std::move(file);
}

void HubServer::add(const std::string& repository, const std::string& path, std::string bytes,
                    ListedFile listed) {
  File file{.oid = sha256(bytes), .size = bytes.size(), .listed = std::move(listed)};
  file.bytes = std::move(bytes);
  put_file(repository, path, std::move(file));
}

void HubServer::add_file(const std::string& repository, const std::string& path,
                         const std::string& from) {
  put_file(repository, path,
           {.from = from, .oid = sha256(read_all(from)), .size = std::filesystem::file_size(from)});
}

void HubServer::fail_next(std::vector<Fault> faults) {
  const std::lock_guard lock(mutex_);
  faults_ = std::move(faults);
}

void HubServer::want_token(const std::string& token) {
  const std::lock_guard lock(mutex_);
  token_ = token;
}

void HubServer::break_down(int status) {
  const std::lock_guard lock(mutex_);
  broken_status_ = status;
}

std::string HubServer::url_of(const std::string& repository, const std::string& path) const {
  return endpoint() + repository + "/resolve/" + kCommit + "/" + path;
}

std::vector<std::string> HubServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

httplib::Headers HubServer::last_headers() const {
  const std::lock_guard lock(mutex_);
  return last_headers_;
}

std::string HubServer::tree(const std::string& repository) const {
  json entries = json::array();
  entries.push_back({{"type", "directory"}, {"path", "folder"}, {"oid", std::string(40, 'a')}});
  const auto found = repositories_.find(repository);
  if (found == repositories_.end()) return entries.dump();
  for (const auto& [path, file] : found->second) {
    const std::string oid = file.listed.oid.empty() ? file.oid : file.listed.oid;
    const std::int64_t size =
        file.listed.size < 0 ? static_cast<std::int64_t>(file.size) : file.listed.size;
    json entry = {{"type", "file"}, {"path", path}, {"size", size}, {"oid", oid}};
    if (oid.size() == 64) {
      entry["oid"] = std::string(40, 'b');  // of the pointer
      entry["lfs"] = {{"oid", oid}, {"size", size}};
    }
    entries.push_back(entry);
  }
  return entries.dump();
}

bool HubServer::meets_fault(const httplib::Request& request, httplib::Response& response) {
  Fault fault;
  {
    const std::lock_guard lock(mutex_);
    if (faults_.empty()) return false;
    fault = std::move(faults_.front());
    faults_.erase(faults_.begin());
  }
  return fault && fault(request, response);
}

void HubServer::serve_bytes(const httplib::Request& request, httplib::Response& response) {
  const std::lock_guard lock(mutex_);
  const auto repository = repositories_.find(request.matches[1]);
  if (repository == repositories_.end() || repository->second.count(request.matches[3]) == 0) {
    response.status = 404;
    return;
  }
  const File& file = repository->second.at(request.matches[3]);
  response.set_header("ETag", '"' + file.oid + '"');
  if (file.from.empty()) {
    response.set_content(file.bytes, "application/octet-stream");
    return;
  }
  const auto source = std::make_shared<std::ifstream>(file.from, std::ios::binary);
  response.set_content_provider(
      file.size, "application/octet-stream",
      [source](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
        std::vector<char> block(std::min<std::size_t>(length, std::size_t{1} << 20));
        source->seekg(static_cast<std::streamoff>(offset));
        source->read(block.data(), static_cast<std::streamsize>(block.size()));
        return sink.write(block.data(), static_cast<std::size_t>(source->gcount()));
      });
}

}  // namespace citer::test
