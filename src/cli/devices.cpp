#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/flags.h"
#include "model/backend.h"
#include "model/rpc.h"

namespace citer::cli {

namespace {

int run_devices(const std::vector<std::string>& rpc_servers) {
  for (const std::string& server : rpc_servers) connect_rpc_server(server);
  constexpr double kMiB = 1 << 20;
  for (const DeviceInfo& device : list_devices()) {
    fmt::print("{:<10} {:<11} {} ({:.1f} MiB free of {:.1f} MiB)\n", device.name, device.kind,
               device.description, static_cast<double>(device.memory_free) / kMiB,
               static_cast<double>(device.memory_total) / kMiB);
  }
  if (!has_gpu())
    fmt::print("no GPU that ggml can use (docs/building.md says how to set one up)\n");
  return 0;
}

}  // namespace

Run add_devices(CLI::App& app) {
  auto rpc_servers = std::make_shared<std::vector<std::string>>();
  CLI::App* command =
      app.add_subcommand("devices", "List the devices that models can run on, as -dev names them");
  add_rpc_flag(*command, *rpc_servers);
  return [rpc_servers] { return run_devices(*rpc_servers); };
}

}  // namespace citer::cli
