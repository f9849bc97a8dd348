// The only file that knows cpp-httplib.
#include "serve/http_server.h"

#include <httplib.h>

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "serve/api_error.h"
#include "serve/page.h"
#include "serve/request_log.h"
#include "serve/requests_under_way.h"
#include "serve/routes.h"
#include "serve/server_api.h"

namespace citer {

namespace {

constexpr int kNoContent = 204;
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kWrongMethod = 405;
constexpr int kTooLarge = 413;
constexpr int kWrongType = 415;
constexpr int kTooManyRequests = 429;
constexpr int kClientGoneStatus = 499;  // nginx's word for it; nobody reads it
constexpr int kInternalError = 500;
constexpr int kUnavailable = 503;

constexpr int kKeepAliveSeconds = 15;
constexpr std::size_t kRequestsPerConnection = 100000;
constexpr int kReadSeconds = 10;   // without a byte of a request that has begun
constexpr int kWriteSeconds = 30;  // without room for a byte of the answer
constexpr int kBacklog = 1024;
constexpr std::size_t kWaitingConnections = 1024;

constexpr std::string_view kHealth = "/health";
constexpr std::string_view kReady = "/ready";

bool is_look(std::string_view path) { return path == kHealth || path == kReady; }

const PageFile* find_page_file(std::span<const PageFile> files, std::string_view path) {
  const auto at = std::find_if(files.begin(), files.end(),
                               [&](const PageFile& file) { return file.path == path; });
  return at == files.end() ? nullptr : &*at;
}

HttpReply page_reply(const PageFile& file) {
  return {.type = std::string(file.type),
          .body = std::string(file.body),
          .headers = {{"Cache-Control", "no-cache"},
                      {"Content-Security-Policy", std::string(kPageSecurityPolicy)},
                      {"Referrer-Policy", "no-referrer"},
                      {"X-Content-Type-Options", "nosniff"}}};
}

/// Takes the same time wherever the two differ.
bool same_key(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

/// Whether a page of the server's own may have sent it, or no page at all.
bool is_of_own_origin(const httplib::Request& request) {
  const std::string origin = request.get_header_value("Origin");
  return origin.empty() || origin.substr(std::min(origin.size(), origin.find("://") + 3)) ==
                               request.get_header_value("Host");
}

/// What a client calls its request, if that can stand in a header and a log; else a name of ours.
std::string request_id(const httplib::Request& request) {
  constexpr std::size_t kLongest = 128;
  std::string id = request.get_header_value("X-Request-Id");
  const bool is_plain =
      !id.empty() && id.size() <= kLongest &&
      std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 127; });
  return is_plain ? id : random_id("req-");
}

/// What httplib found wrong before any handler was called.
ApiError protocol_error(int status) {
  switch (status) {
    case kTooLarge:
      return {status, "the request body is too large", "payload_too_large"};
    case kInternalError:
      return {status, "internal error", "internal_error"};
    default:
      return {status, httplib::status_message(status)};
  }
}

void put_error(const ApiError& error, httplib::Response& response) {
  response.status = error.status();
  if (error.status() == kTooManyRequests || error.status() == kUnavailable) {
    response.set_header("Retry-After", "1");
  }
  response.set_content(error_body(error), "application/json; charset=utf-8");
}

/// What is kept until the last byte of an answer is written.
struct UnderWay {
  std::shared_ptr<void> counted;          ///< by RequestsUnderWay
  std::shared_ptr<RequestRecord> record;  ///< goes first, so that nobody waits for none too early
};

/// `under_way` is kept until the last byte of a stream is written.
void put_reply(HttpReply reply, UnderWay under_way, httplib::Response& response) {
  response.status = reply.status;
  for (const auto& [name, value] : reply.headers) response.set_header(name, value);
  if (!reply.stream) {
    response.set_content(std::move(reply.body), reply.type);
    return;
  }
  response.set_chunked_content_provider(
      reply.type, [stream = std::move(reply.stream), under_way = std::move(under_way)](
                      std::size_t, httplib::DataSink& sink) {
        stream([&](std::string_view bytes) {
          return sink.is_writable() && sink.write(bytes.data(), bytes.size());
        });
        sink.done();
        return true;
      });
}

/// A thread per connection; threads are kept for later ones. (httplib's own pool counts a thread as
/// idle until it wakes: of many connections at once some wait although more threads may be
/// started.)
class ConnectionThreads final : public httplib::TaskQueue {
 public:
  explicit ConnectionThreads(int most) : most_(static_cast<std::size_t>(most)) {}

  bool enqueue(std::function<void()> connection) override {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kWaitingConnections) return false;
    waiting_.push_back(std::move(connection));
    if (waiting_.size() > idle_ && threads_.size() < most_) {
      threads_.emplace_back([this] { work(); });
    }
    wake_.notify_one();
    return true;
  }

  /// Connections that were taken are served to their end.
  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      ++idle_;
      wake_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
      --idle_;
      if (waiting_.empty()) return;
      const std::function<void()> connection = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      connection();
    }
  }

  std::size_t most_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;  ///< threads that wait
  bool closed_ = false;
};

std::unique_ptr<httplib::Server> make_server(const HttpOptions& options) {
  if (options.ssl_cert_file.empty() != options.ssl_key_file.empty()) {
    throw FieldError({"ssl_cert_file", "ssl_key_file"}, "give both or neither");
  }
  if (options.ssl_cert_file.empty()) return std::make_unique<httplib::Server>();
  auto server = std::make_unique<httplib::SSLServer>(options.ssl_cert_file.c_str(),
                                                     options.ssl_key_file.c_str());
  if (!server->is_valid()) {
    throw InputError(fmt::format("{}, {}: no certificate and its key", options.ssl_cert_file,
                                 options.ssl_key_file));
  }
  return server;
}

}  // namespace

struct HttpServer::Impl {
  explicit Impl(HttpOptions o);

  void configure();
  std::optional<std::string> read_body(const httplib::ContentReader& reader) const;
  void handle(const httplib::Request& request, std::string_view body, httplib::Response& response);
  std::shared_ptr<RequestRecord> begin_record(const httplib::Request& request,
                                              std::string_view body);
  HttpReply reply_to(const httplib::Request& request, std::string_view body,
                     const std::shared_ptr<RequestRecord>& record);
  HttpReply health() const;
  HttpReply readiness() const;
  void check_key(const httplib::Request& request) const;
  void check_origin(const httplib::Request& request) const;
  bool allows(const std::string& origin) const;
  void add_cors(const httplib::Request& request, httplib::Response& response) const;
  ApiError shutting_down() const { return {kUnavailable, why, "shutting_down"}; }
  void finish();

  HttpOptions options;
  RequestCounts requests;
  std::unique_ptr<ModelHost> own_host;  ///< of a service alone
  std::unique_ptr<ServerApi> api;
  std::span<const PageFile> page = page_files();
  std::function<HttpReply(const HttpRequest&)> answer;  ///< instead of an API
  RequestsUnderWay under_way;
  std::atomic<bool> ready = false;                  ///< api may be used
  std::string why = "the server is shutting down";  ///< not changed once it is draining
  std::atomic<bool> draining = false;               ///< nothing new is taken
  std::atomic<bool> abandoned = false;              ///< what still runs is to end
  std::unique_ptr<httplib::Server> server;
  int socket = -1;
  int port = 0;
  std::thread thread;
};

HttpServer::Impl::Impl(HttpOptions o) : options(std::move(o)), server(make_server(options)) {
  if (!options.has_page) page = {};
  configure();
}

void HttpServer::Impl::configure() {
  httplib::Server& s = *server;
  s.new_task_queue = [this] { return new ConnectionThreads(std::max(options.threads, 1)); };
  s.set_tcp_nodelay(true);
  s.set_payload_max_length(options.body_limit);
  s.set_read_timeout(kReadSeconds);
  s.set_write_timeout(kWriteSeconds);
  s.set_keep_alive_timeout(kKeepAliveSeconds);
  s.set_keep_alive_max_count(kRequestsPerConnection);
  // Not httplib's own: with SO_REUSEPORT a second server on this port would go unnoticed.
  s.set_socket_options([this](int fd) {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socket = fd;
  });
  const auto handler = [this](const httplib::Request& request, httplib::Response& response) {
    handle(request, request.body, response);
  };
  for (const auto add : {&httplib::Server::Get, &httplib::Server::Options}) (s.*add)(".*", handler);
  s.Post(".*", [this](const httplib::Request& request, httplib::Response& response,
                      const httplib::ContentReader& reader) {
    if (request.is_multipart_form_data()) {
      // Refused below, but read: the connection may be used again.
      reader([](const auto&) { return true; }, [](const char*, std::size_t) { return true; });
      return handle(request, "", response);
    }
    const auto body = read_body(reader);
    if (!body) return put_error(protocol_error(kTooLarge), response);
    handle(request, *body, response);
  });
  s.Put(".*", handler);
  s.Patch(".*", handler);
  s.Delete(".*", handler);
  s.set_error_handler([](const httplib::Request&, httplib::Response& response) {
    if (response.body.empty() && response.status != kClientGoneStatus) {
      put_error(protocol_error(response.status), response);
    }
  });
  s.set_post_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    add_cors(request, response);
    const Route* route = find_route(request.path);
    const std::string other = is_look(request.path) ? request.path : "other";
    requests.count(route == nullptr ? other : std::string(route->path), response.status);
  });
}

/// Nothing when it is too large, which of a chunked or compressed one is seen as it comes.
std::optional<std::string> HttpServer::Impl::read_body(const httplib::ContentReader& reader) const {
  std::string body;
  bool fits = true;
  reader([&](const char* data, std::size_t n) {
    fits = n <= options.body_limit - body.size();
    if (fits) body.append(data, n);
    return fits;
  });
  if (!fits) return {};
  return body;
}

/// It is logged when its last holder lets go of it.
std::shared_ptr<RequestRecord> HttpServer::Impl::begin_record(const httplib::Request& request,
                                                              std::string_view body) {
  RequestRecord record{.id = request_id(request), .method = request.method, .path = request.path};
  if (!options.on_request) return std::make_shared<RequestRecord>(std::move(record));
  if (options.log_bodies) record.body = body;
  const auto log = [this, arrival = std::chrono::steady_clock::now()](RequestRecord* done) {
    const std::unique_ptr<RequestRecord> owned(done);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - arrival;
    options.on_request(request_log_line(*done, std::chrono::system_clock::now(), took.count()));
  };
  return {new RequestRecord(std::move(record)), log};
}

void HttpServer::Impl::handle(const httplib::Request& request, std::string_view body,
                              httplib::Response& response) {
  UnderWay counted{under_way.begin(), nullptr};  // before `draining` is looked at
  const std::shared_ptr<RequestRecord> record = begin_record(request, body);
  counted.record = record;
  response.set_header("X-Request-Id", record->id);
  try {
    HttpReply reply = reply_to(request, body, record);
    record->status = reply.status;
    put_reply(std::move(reply), std::move(counted), response);
  } catch (const ClientGone&) {
    response.status = record->status = kClientGoneStatus;
    record->error = kClientGone;
  } catch (const std::exception& e) {
    const ApiError error = api_error_of(e);
    if (error.status() == kInternalError && options.on_fault) {
      options.on_fault(fmt::format("{} {}: {}", request.method, request.path, e.what()));
    }
    record->status = error.status();
    record->error = error.code();
    put_error(error, response);
  }
}

HttpReply HttpServer::Impl::reply_to(const httplib::Request& request, std::string_view body,
                                     const std::shared_ptr<RequestRecord>& record) {
  if (request.method == "OPTIONS") return {.status = kNoContent};
  const bool is_get = request.method == "GET" || request.method == "HEAD";
  if (request.path == kHealth && is_get) return health();
  if (request.path == kReady && is_get) return readiness();
  if (is_get) {
    if (const PageFile* file = find_page_file(page, request.path)) return page_reply(*file);
  }
  check_key(request);
  if (!is_get) check_origin(request);
  if (answer && is_get) return answer({body, request.path, "", [] {}, record});
  const Route* route = find_route(request.path);
  if (route == nullptr && !is_look(request.path)) {
    throw ApiError(kNotFound, fmt::format("no such route: {}", request.path), "not_found");
  }
  if (route == nullptr || route->method != (is_get ? "GET" : request.method)) {
    throw ApiError(kWrongMethod,
                   fmt::format("{}: expected {}, found {}", request.path,
                               route == nullptr ? "GET" : route->method, request.method),
                   "method_not_allowed");
  }
  if (!is_get && request.is_multipart_form_data()) {
    throw ApiError(kWrongType, "expected a body of JSON, found multipart/form-data",
                   "unsupported_media_type");
  }
  if (draining) throw shutting_down();
  if (!ready) throw ApiError(kUnavailable, "the models are being loaded", "loading");
  const auto check = [this, is_closed = request.is_connection_closed] {
    if (abandoned) throw shutting_down();
    if (is_closed()) throw ClientGone();
  };
  const std::string model = request.get_param_value("model");
  const std::string action = request.get_param_value("action");
  return api->handle(*route, {body, request.path, model, check, record, action});
}

HttpReply HttpServer::Impl::health() const {
  if (draining) throw shutting_down();
  if (!ready) throw ApiError(kUnavailable, "the models are being loaded", "loading");
  const std::optional<bool> reachable = api ? api->is_llm_reachable() : std::nullopt;
  if (!reachable) return {.body = R"({"status":"ok"})"};
  return {.body = *reachable ? R"({"status":"ok","llm":"reachable"})"
                             : R"({"status":"ok","llm":"away"})"};
}

/// Whether answers are written as they should be: with the LLM, where a server runs it.
HttpReply HttpServer::Impl::readiness() const {
  HttpReply reply = health();
  if (api && !api->is_llm_reachable().value_or(true)) {
    throw ApiError(kUnavailable, "the server that runs the LLM does not answer", "llm_unavailable");
  }
  return reply;
}

void HttpServer::Impl::check_key(const httplib::Request& request) const {
  if (options.api_keys.empty()) return;
  constexpr std::string_view kBearer = "Bearer ";
  std::string key = request.get_header_value("X-Api-Key");
  const std::string header = request.get_header_value("Authorization");
  if (header.starts_with(kBearer)) key = header.substr(kBearer.size());
  if (std::any_of(options.api_keys.begin(), options.api_keys.end(),
                  [&](const std::string& valid) { return same_key(key, valid); })) {
    return;
  }
  throw ApiError(kUnauthorized, "no valid API key (Authorization: Bearer ..., or X-Api-Key: ...)",
                 "invalid_api_key");
}

bool HttpServer::Impl::allows(const std::string& origin) const {
  const auto& allowed = options.cors_origins;
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const std::string& each) { return each == "*" || each == origin; });
}

/// A browser lets any page send a POST; it only keeps the answer from it.
void HttpServer::Impl::check_origin(const httplib::Request& request) const {
  const std::string origin = request.get_header_value("Origin");
  if (is_of_own_origin(request) || allows(origin)) return;
  throw ApiError(kForbidden, fmt::format("pages of {} may not call this server", origin),
                 "origin_not_allowed");
}

void HttpServer::Impl::add_cors(const httplib::Request& request,
                                httplib::Response& response) const {
  const std::string origin = request.get_header_value("Origin");
  if (origin.empty() || !allows(origin)) return;
  const auto& allowed = options.cors_origins;
  const bool is_open = std::find(allowed.begin(), allowed.end(), "*") != allowed.end();
  response.set_header("Access-Control-Allow-Origin", is_open ? "*" : origin);
  if (!is_open) response.set_header("Vary", "Origin");
  if (request.method != "OPTIONS") return;
  response.set_header("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  // The OpenAI client sends headers of its own; none of them means anything here.
  const std::string wanted = request.get_header_value("Access-Control-Request-Headers");
  response.set_header("Access-Control-Allow-Headers",
                      wanted.empty() ? "Authorization, Content-Type" : wanted);
  response.set_header("Access-Control-Max-Age", "86400");
}

/// Ends the thread that listens, and all connections with it.
void HttpServer::Impl::finish() {
  draining = true;
  abandoned = true;
  if (!thread.joinable()) return;
  server->stop();
  thread.join();
}

HttpServer::HttpServer(HttpOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpServer::~HttpServer() { impl_->finish(); }

void HttpServer::start() {
  Impl& s = *impl_;
  const HttpOptions& options = s.options;
  if (options.port == 0) {
    s.port = s.server->bind_to_any_port(options.host);
  } else if (s.server->bind_to_port(options.host, options.port)) {
    s.port = options.port;
  }
  if (s.port <= 0) {
    throw ResourceError(
        fmt::format("cannot listen on {}:{} (in use?)", options.host, options.port));
  }
  // httplib's own backlog of 5 makes connections wait for a second when many come at once.
  ::listen(s.socket, kBacklog);
  s.thread = std::thread([&s] { s.server->listen_after_bind(); });
  s.server->wait_until_ready();
}

int HttpServer::port() const { return impl_->port; }

std::string HttpServer::url() const {
  const HttpOptions& options = impl_->options;
  const bool is_ipv6 = options.host.find(':') != std::string::npos;
  return fmt::format("{}://{}:{}", options.ssl_cert_file.empty() ? "http" : "https",
                     is_ipv6 ? "[" + options.host + "]" : options.host, impl_->port);
}

void HttpServer::serve(Service& service, const ApiOptions& options) {
  impl_->own_host = std::make_unique<ModelHost>(service, options);
  serve(*impl_->own_host, options.version);
}

void HttpServer::serve(ModelHost& host, const std::string& version) {
  impl_->api = std::make_unique<ServerApi>(host, impl_->requests, version);
  impl_->ready = true;
}

void HttpServer::serve(std::span<const PageFile> page,
                       std::function<HttpReply(const HttpRequest&)> answer) {
  impl_->page = page;
  impl_->answer = std::move(answer);
}

bool HttpServer::drain(std::chrono::milliseconds limit, const std::string& why) {
  impl_->why = why;
  impl_->draining = true;
  const bool done = impl_->under_way.wait_for_none(limit);
  impl_->finish();
  return done;
}

}  // namespace citer
