#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "citer/error.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/loopback.h"
#include "cli/served_models.h"
#include "model/backend.h"
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
  int sessions = 0;
  int session_idle = 600;
  std::string api_key_file;
  int threads_http = 0;
  int timeout = 600;
  int drain_timeout = 30;
  std::string log_requests;
  std::string models_file;
  int models_idle = 0;
  std::int64_t models_memory = 0;
  ApiOptions api;
  CLI::App* app = nullptr;
};

void add_models_flags(ServeFlags& flags, CLI::App& app) {
  auto* file =
      app.add_option("--models", flags.models_file,
                     "File of several pairs and models by name, {\"NAME\": {\"model\": ..., "
                     "\"slm\": ..., ...}, ...}, each loaded when it is asked for");
  app.add_option("--models-idle", flags.models_idle,
                 "Seconds after which a model that nobody uses is unloaded (default: never)")
      ->check(CLI::Range(1, 1 << 24))
      ->needs(file);
  app.add_option("--models-memory", flags.models_memory,
                 "MiB that loaded models may take together; the least recently used goes first "
                 "(default: any number)")
      ->check(CLI::Range(1, 1 << 24))
      ->needs(file);
}

/// What a file of models says of each is not said beside it. `before`: the flags that are.
void refuse_beside_models(CLI::App& app, const std::vector<CLI::Option*>& before) {
  CLI::Option* file = app.get_option("--models");
  file->excludes(app.get_option("--alias"));
  for (CLI::Option* option : app.get_options()) {
    if (std::find(before.begin(), before.end(), option) == before.end()) file->excludes(option);
  }
}

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
  app.add_option("--max-tokens", flags.api.most_tokens,
                 "Tokens that an answer may have at most, whatever its request says (default: what "
                 "the context holds)")
      ->check(CLI::Range(1, 1 << 30));
  app.add_option("--queue", flags.queue_limit,
                 "Answers that may wait for a sequence; more are refused")
      ->check(CLI::Range(0, 65536))
      ->capture_default_str();
  app.add_option("--sessions", flags.sessions,
                 "Sessions of clients that have the SLM and ask this LLM (POST /v1/citer/decide); "
                 "each takes the memory of a sequence")
      ->check(CLI::Range(0, 240))
      ->capture_default_str();
  app.add_option("--session-idle", flags.session_idle,
                 "Seconds after which a session that nobody uses is dropped")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  app.add_option("--alias", flags.api.aliases, "Further names of the model citer")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->delimiter(',');
  app.add_flag("--any-model", flags.api.any_model,
               "Take names of models that are not known as names of citer");
  app.add_option("--log-requests", flags.log_requests,
                 "File that gets a line of JSON about each request; - for standard output");
  app.add_flag("--log-prompts", http.log_bodies, "With --log-requests: what was asked, too");
  app.add_option(
         "--slot-save-path", flags.api.slot_folder,
         "Folder where clients may save slots and restore them (POST /slots/ID?action=save; "
         "default: they may not)")
      ->check(CLI::ExistingDirectory);
  app.add_flag_callback(
      "--no-slots", [&flags] { flags.api.shows_slots = false; },
      "GET /slots does not say what is written");
  app.add_flag_callback(
      "--no-ui", [&http] { http.has_page = false; }, "No page at /");
  app.add_option("--drain-timeout", flags.drain_timeout,
                 "Seconds that running answers get to end when the server is asked to stop")
      ->check(CLI::Range(0, 86400))
      ->capture_default_str();
  add_models_flags(flags, app);
  const std::vector<CLI::Option*> shared = app.get_options();
  flags.generation.add_to(app, "auto");
  flags.generation.add_promise_to(app);
  flags.model.add_to(app, true);
  refuse_beside_models(app, shared);
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

void print_line(const std::string& line) { fmt::print(stderr, "citer: {}\n", line); }

HttpOptions http_options(const ServeFlags& flags, int sequences) {
  HttpOptions http = flags.http;
  if (!flags.api_key_file.empty()) read_keys(flags.api_key_file, http.api_keys);
  http.threads = flags.threads_http;
  if (http.threads == 0) {
    http.threads = sequences + flags.queue_limit + flags.sessions + kSpareThreads;
  }
  if (!flags.log_requests.empty()) http.on_request = line_log(flags.log_requests);
  http.on_fault = print_line;
  if (http.api_keys.empty() && !is_loopback(http.host)) {
    print_line(fmt::format("note: whoever reaches {} may use the server: there is no --api-key",
                           http.host));
  }
  return http;
}

ApiOptions api_options(const ServeFlags& flags) {
  ApiOptions api = flags.api;
  api.time_limit = std::chrono::seconds(flags.timeout);
  api.on_note = print_line;
  api.version = CITER_VERSION;
  return api;
}

/// Of several devices each may give one.
struct FirstReason {
  std::once_flag once;
  std::promise<std::string> text;
};

/// Ends the process with its devices, once the requests under way are answered with the reason. The
/// models' thread may wait for ever.
[[noreturn]] void give_up(HttpServer& server, const std::string& reason) {
  constexpr std::chrono::seconds kLastWords{5};
  print_line(reason);
  std::thread([&] {
    std::this_thread::sleep_for(kLastWords);
    std::_Exit(kExitError);
  }).detach();
  server.drain(std::chrono::milliseconds(0), reason);
  std::_Exit(kExitError);
}

/// Until it is asked to stop.
void serve(HttpServer& server, const ServeFlags& flags) {
  constexpr std::chrono::milliseconds kPatience{50};
  const auto broken = std::make_shared<FirstReason>();
  std::future<std::string> reason = broken->text.get_future();
  const AbortHandler before = set_abort_handler([broken](const std::string& text) {
    std::call_once(broken->once, [&] { broken->text.set_value(text); });
  });
  fmt::print(stderr, "listening on {}\n", server.url());
  while (!InterruptGuard::requested()) {
    if (reason.wait_for(kPatience) == std::future_status::ready) give_up(server, reason.get());
  }
  set_abort_handler(before);
  fmt::print(stderr, "stopping\n");
  if (!server.drain(std::chrono::seconds(flags.drain_timeout))) {
    fmt::print(stderr, "stopped; some answers were cut off\n");
  }
}

void serve_one(const ServeFlags& flags) {
  ApiOptions api = api_options(flags);
  api.defaults = flags.generation.generation_options();
  api.random_seed = flags.app->count("--seed") == 0;
  const PairOptions pair = flags.model.pair_options();
  ServiceOptions options = flags.model.service_options(kSequences);
  options.queue_limit = flags.queue_limit;
  options.sessions = flags.sessions;
  options.session_idle = flags.session_idle;
  std::optional<Service> service;  // outlives the server
  HttpServer server(http_options(flags, options.context.sequences));
  server.start();
  service.emplace(load_pair(pair), options);
  server.serve(*service, api);
  serve(server, flags);
}

void serve_several(const ServeFlags& flags) {
  ServedModel common{.api = api_options(flags)};
  common.service.queue_limit = flags.queue_limit;
  std::vector<ServedModel> models = read_served_models(flags.models_file, common);
  int sequences = 0;
  for (const ServedModel& model : models) sequences += model.service.context.sequences;
  std::optional<ModelHost> host;  // outlives the server
  HttpServer server(http_options(flags, sequences));
  try {
    host.emplace(std::move(models),
                 HostOptions{.idle = std::chrono::seconds(flags.models_idle),
                             .memory = static_cast<std::uint64_t>(flags.models_memory) << 20});
  } catch (const Error& e) {
    throw InputError(fmt::format("{}: {}", flags.models_file, e.what()));
  }
  server.start();
  server.serve(*host, CITER_VERSION);
  serve(server, flags);
}

int run_serve(const ServeFlags& flags) {
  const InterruptGuard interrupt;
  flags.models_file.empty() ? serve_one(flags) : serve_several(flags);
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
