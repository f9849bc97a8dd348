// citer-inflate: a small model at a large model's cost, for benchmarks. docs/inflate.md.
#include <chrono>
#include <cstdio>
#include <exception>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "citer/error.h"
#include "inflate/inflate.h"
#include "inflate/router.h"

namespace {

using citer::inflate::InflateOptions;
using citer::inflate::InflateResult;

constexpr int kFailure = 1;
constexpr int kUsage = 2;

std::string preset_help() {
  std::string help = "Shape and type of a real model:";
  for (const auto& preset : citer::inflate::presets()) {
    help += fmt::format(" {} ({})", preset.name, preset.model);
  }
  return help;
}

void add_options(CLI::App& app, InflateOptions& options, std::string& router_slm) {
  app.set_version_flag("--version", "citer-inflate " CITER_VERSION);
  app.add_option("IN", options.in, "GGUF of a dense llama-architecture model")->required();
  app.add_option("OUT", options.out, "File to write")->required();
  app.add_option("--like", options.shape.like, preset_help());
  // Wide bounds that keep sizes within 64 bits; libllama takes 512 layers.
  const auto add_size = [&](const char* flag, auto& value, const char* help, int most = 1 << 20) {
    app.add_option(flag, value, help)->check(CLI::Range(1, most));
  };
  add_size("--embd", options.shape.n_embd, "Embedding size");
  add_size("--layers", options.shape.n_layer, "Layers", 512);
  add_size("--heads", options.shape.n_head, "Attention heads", 1024);
  add_size("--kv-heads", options.shape.n_head_kv, "Key/value heads", 1024);
  add_size("--head-dim", options.shape.head_dim, "Size of a head", 1 << 12);
  add_size("--ff", options.shape.n_ff, "Feed-forward size");
  add_size("--vocab", options.shape.n_vocab, "Tokens; those added can never win");
  app.add_option("--router-slm", router_slm,
                 "IN is a router: make one for this inflated SLM; nothing else is given");
  app.add_option("--type", options.type, "Storage: " + citer::inflate::type_names());
}

/// A line on stderr every few seconds.
class ProgressLines {
 public:
  void operator()(std::uint64_t done, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::seconds(2)) return;
    last_ = now;
    fmt::print(stderr, "citer-inflate: {:.1f} of {:.1f} GB\n", 1e-9 * static_cast<double>(done),
               1e-9 * static_cast<double>(total));
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

void print(const InflateOptions& options, const InflateResult& result) {
  fmt::print("{}: {}\n", options.in.string(), to_string(result.source));
  fmt::print("{}: {}; {}, {:.1f}M weights, {:.1f} MB\n", options.out.string(),
             to_string(result.target), ggml_type_name(result.type),
             1e-6 * static_cast<double>(result.n_weights),
             1e-6 * static_cast<double>(result.n_bytes));
}

int run(const InflateOptions& options, const std::string& router_slm) {
  // What ggml reports about a bad file is told by the exception's message.
  ggml_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  try {
    if (router_slm.empty()) {
      print(options, inflate(options, ProgressLines()));
    } else {
      citer::inflate::inflate_router_file(options.in, router_slm, options.out);
    }
    return 0;
  } catch (const citer::UsageError& error) {
    fmt::print(stderr, "citer-inflate: {}\n", error.what());
    return kUsage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "citer-inflate: {}\n", error.what());
    return kFailure;
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Pads a llama-architecture GGUF with zeros to a larger shape: the same function at "
      "a larger model's cost. What is not given stays as it is.");
  InflateOptions options;
  std::string router_slm;
  add_options(app, options, router_slm);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "citer-inflate: {}\n", error.what());
    return kUsage;
  }
  return run(options, router_slm);
}
