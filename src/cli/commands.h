#pragma once

// One file per command. Each adds itself to the command line; main() runs the chosen one.

#include <functional>

namespace CLI {
class App;
}

namespace citer::cli {

constexpr int kExitError = 1;
constexpr int kExitUsage = 2;

/// What a command does once its flags are parsed; the exit status.
using Run = std::function<int()>;

Run add_generate(CLI::App& app);
Run add_chat(CLI::App& app);
Run add_inspect(CLI::App& app);
Run add_bench(CLI::App& app);
Run add_eval(CLI::App& app);
Run add_judge(CLI::App& app);
Run add_collect(CLI::App& app);
Run add_train(CLI::App& app);
Run add_calibrate(CLI::App& app);
Run add_serve(CLI::App& app);
Run add_advise(CLI::App& app);
Run add_devices(CLI::App& app);
Run add_rpc_server(CLI::App& app);
/// After all others: it describes them.
Run add_manual(CLI::App& app);

}  // namespace citer::cli
