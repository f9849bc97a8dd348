#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include "cli/commands.h"
#include "model/backend.h"

namespace citer::cli {

namespace {

int run_devices() {
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
  app.add_subcommand("devices", "List the devices that models can run on, as -dev names them");
  return run_devices;
}

}  // namespace citer::cli
