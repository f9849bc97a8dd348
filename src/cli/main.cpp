#include <CLI/CLI.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "citer/error.h"
#include "cli/commands.h"
#include "cli/field_flags.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/option_table.h"
#include "model/backend.h"

namespace citer::cli {
namespace {

using Commands = std::vector<std::pair<std::string, Run>>;

/// Throws UsageError when the first of the (reversed) arguments names no command.
void check_command(const std::vector<std::string>& arguments, const CLI::App& app) {
  if (arguments.empty() || arguments.back().starts_with('-')) return;
  const auto is_named = [&](const CLI::App* command) {
    return command->get_name() == arguments.back();
  };
  if (!app.get_subcommands(is_named).empty()) return;
  std::vector<std::string> names;
  for (const CommandEntry& command : option_table(app)) names.push_back(command.name);
  throw UsageError(fmt::format("unknown command '{}'; expected one of {}", arguments.back(),
                               fmt::join(names, ", ")));
}

/// Threads may wait for what will not come: nothing is put in order.
void end_process(const std::string& reason) {
  std::fflush(stdout);
  fmt::print(stderr, "citer: {}\n", reason);
  std::_Exit(kExitError);
}

int run(int argc, char** argv) {
  CLI::App app(
      "Two language models write one answer: a small one writes, a large one is asked at "
      "the tokens that matter.",
      "citer");
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  app.fallthrough(false);
  // Of a flag given twice the last counts, as in llama.cpp's tools; lists take all.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  const Commands commands = {{"generate", add_generate(app)},
                             {"chat", add_chat(app)},
                             {"inspect", add_inspect(app)},
                             {"bench", add_bench(app)},
                             {"eval", add_eval(app)},
                             {"collect", add_collect(app)},
                             {"train", add_train(app)},
                             {"calibrate", add_calibrate(app)},
                             {"serve", add_serve(app)},
                             {"judge", add_judge(app)},
                             {"advise", add_advise(app)},
                             {"devices", add_devices(app)},
                             {"rpc-server", add_rpc_server(app)},
                             {"manual", add_manual(app)}};

  std::vector<std::string> arguments = long_flags(argc, argv);
  check_command(arguments, app);
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp& e) {
    return app.exit(e);
  } catch (const CLI::CallForVersion& e) {
    return app.exit(e);
  } catch (const CLI::CallForAllHelp& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    fmt::print(stderr, "citer: {}\n", e.what());
    return kExitUsage;
  }
  for (const auto& [name, command] : commands) {
    if (app.got_subcommand(name)) return command();
  }
  return kExitUsage;
}

}  // namespace
}  // namespace citer::cli

int main(int argc, char** argv) {
  citer::set_abort_handler(citer::cli::end_process);
  try {
    return citer::cli::run(argc, argv);
  } catch (const citer::cli::Interrupted&) {
    return citer::cli::report_stopped();
  } catch (const citer::FieldError& e) {
    fmt::print(stderr, "citer: {}\n", citer::cli::flag_text(e));
    return citer::cli::kExitUsage;
  } catch (const citer::UsageError& e) {
    fmt::print(stderr, "citer: {}\n", e.what());
    return citer::cli::kExitUsage;
  } catch (const std::bad_alloc&) {
    std::fputs("citer: out of memory\n", stderr);
  } catch (const std::exception& e) {
    fmt::print(stderr, "citer: {}\n", e.what());
  }
  return citer::cli::kExitError;
}
