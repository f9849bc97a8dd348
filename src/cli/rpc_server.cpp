#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/loopback.h"
#include "model/rpc.h"

namespace citer::cli {

Run add_rpc_server(CLI::App& app) {
  auto options = std::make_shared<RpcServerOptions>();
  CLI::App* command = app.add_subcommand(
      "rpc-server",
      "Lend this machine's devices to a citer or a llama.cpp elsewhere (its --rpc), by ggml's RPC: "
      "without a key, so on trusted networks alone");
  command->add_option("-H,--host", options->host, "IPv4 address to listen on")
      ->capture_default_str();
  command->add_option("-p,--port", options->port, "Port to listen on")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  command
      ->add_option("-d,--device", options->devices,
                   "-dev: devices to lend, comma-separated (default: the GPUs, or else the CPU)")
      ->delimiter(',');
  command->add_option("-t,--threads", options->threads, "CPU threads (default: all)")
      ->check(CLI::Range(0, 1024));
  return [options]() -> int {
    if (!is_loopback(options->host)) {
      fmt::print(stderr,
                 "citer: note: whoever reaches {} may use this machine's devices: the protocol has "
                 "no key\n",
                 options->host);
    }
    run_rpc_server(*options);
  };
}

}  // namespace citer::cli
