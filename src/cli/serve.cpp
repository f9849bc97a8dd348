#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "citer/error.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "serve/http_server.h"

namespace citer::cli {

namespace {

constexpr int kSequences = 8;
constexpr int kSpareThreads = 64;

struct ServeFlags {
  ModelFlags model;
  GenerationFlags generation;
  HttpOptions http;
  int queue_limit = 256;
  std::string api_key_file;
  int threads_http = 0;
  int timeout = 600;
  int drain_timeout = 30;
  std::string log_requests;
  ApiOptions api;
  CLI::App* app = nullptr;
};

void add_flags(ServeFlags& flags, CLI::App& app) {
  flags.app = &app;
  HttpOptions& http = flags.http;
  app.add_option("--host", http.host, "Address to listen on")->capture_default_str();
  app.add_option("--port", http.port, "Port to listen on; 0: a free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  app.add_option("--api-key", http.api_keys, "Key that clients must send; may be given again")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->delimiter(',');
  app.add_option("--api-key-file", flags.api_key_file, "File with a key per line");
  app.add_option("--ssl-cert-file", http.ssl_cert_file, "PEM certificate, for TLS");
  app.add_option("--ssl-key-file", http.ssl_key_file, "PEM private key, for TLS");
  app.add_option("--cors-origin", http.cors_origins,
                 "Origin of pages that may call the API, or * (default: none)")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->delimiter(',');
  app.add_option("--threads-http", flags.threads_http,
                 "Connections served at once (default: sequences and queue and some more)")
      ->check(CLI::Range(0, 65536));
  app.add_option("--timeout", flags.timeout, "Seconds that a request may take")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  app.add_option("--queue", flags.queue_limit,
                 "Answers that may wait for a sequence; more are refused")
      ->check(CLI::Range(0, 65536))
      ->capture_default_str();
  app.add_option("--alias", flags.api.aliases, "Further names of the model citer")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->delimiter(',');
  app.add_flag("--any-model", flags.api.any_model,
               "Take names of models that are not known as names of citer");
  app.add_option("--log-requests", flags.log_requests,
                 "File that gets a line of JSON about each request; - for standard output");
  app.add_flag("--log-prompts", http.log_bodies, "With --log-requests: what was asked, too");
  app.add_option("--drain-timeout", flags.drain_timeout,
                 "Seconds that running answers get to end when the server is asked to stop")
      ->check(CLI::Range(0, 86400))
      ->capture_default_str();
  flags.generation.add_to(app, "auto");
  flags.generation.add_promise_to(app);
  flags.model.add_to(app);
}

void read_keys(const std::string& path, std::vector<std::string>& keys) {
  const std::size_t before = keys.size();
  for_each_line(path, [&](std::string_view line, int) {
    if (!line.empty()) keys.emplace_back(line);
  });
  if (keys.size() == before) throw InputError(path + ": no key in it");
}

/// Writes lines, from any thread. A log that cannot be written stops no answer.
std::function<void(const std::string&)> line_log(const std::string& path) {
  const auto mutex = std::make_shared<std::mutex>();
  if (path == "-") {
    return [mutex](const std::string& line) {
      const std::lock_guard lock(*mutex);
      fmt::print("{}\n", line);
      std::fflush(stdout);
    };
  }
  const auto file = std::make_shared<LineWriter>(path, LineWriter::Mode::kAppend);
  return [mutex, file](const std::string& line) {
    const std::lock_guard lock(*mutex);
    try {
      file->append(line);
    } catch (const Error& e) {
      fmt::print(stderr, "citer: {}\n", e.what());
    }
  };
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

int run_serve(const ServeFlags& flags) {
  const GenerationOptions defaults = flags.generation.generation_options();
  const PairOptions pair = flags.model.pair_options();
  ServiceOptions options = flags.model.service_options(kSequences);
  options.queue_limit = flags.queue_limit;
  HttpOptions http = flags.http;
  if (!flags.api_key_file.empty()) read_keys(flags.api_key_file, http.api_keys);
  http.threads = flags.threads_http;
  if (http.threads == 0) {
    http.threads = options.context.sequences + flags.queue_limit + kSpareThreads;
  }

  if (!flags.log_requests.empty()) http.on_request = line_log(flags.log_requests);
  const auto print_line = [](const std::string& line) { fmt::print(stderr, "citer: {}\n", line); };
  http.on_fault = print_line;
  if (http.api_keys.empty() && !is_loopback(http.host)) {
    print_line(fmt::format("note: whoever reaches {} may use the server: there is no --api-key",
                           http.host));
  }

  const InterruptGuard interrupt;
  std::optional<Service> service;  // outlives the server
  HttpServer server(http);
  server.start();
  service.emplace(load_pair(pair), options);
  ApiOptions api = flags.api;
  api.defaults = defaults;
  api.random_seed = flags.app->count("--seed") == 0;
  api.time_limit = std::chrono::seconds(flags.timeout);
  api.on_note = print_line;
  api.version = CITER_VERSION;
  server.serve(*service, api);
  fmt::print(stderr, "listening on {}\n", server.url());
  while (!InterruptGuard::requested()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  fmt::print(stderr, "stopping\n");
  if (!server.drain(std::chrono::seconds(flags.drain_timeout))) {
    fmt::print(stderr, "stopped; some answers were cut off\n");
  }
  return 0;
}

}  // namespace

Run add_serve(CLI::App& app) {
  auto flags = std::make_shared<ServeFlags>();
  CLI::App* command = app.add_subcommand("serve", "Answer requests of OpenAI's API over HTTP");
  add_flags(*flags, *command);
  return [flags] { return run_serve(*flags); };
}

}  // namespace citer::cli
