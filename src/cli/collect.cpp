#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "citer/error.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/learn_flags.h"
#include "cli/progress.h"
#include "learn/collect.h"

namespace citer::cli {

namespace {

struct CollectCommand {
  ModelFlags model;
  CollectFlags collect;
  std::string out;
  double threshold = -1.0;
  int workers = 0;
  std::optional<int> page;
  CLI::App* app = nullptr;
};

int run_collect(const CollectCommand& flags) {
  CollectJob job{flags.collect.options()};
  job.out = flags.out;
  const PairOptions pair = flags.model.pair_options();
  // Without the flag continuations are the SLM's alone, also where the bundled pair has a router.
  if (flags.app->count("--router") > 0) job.router = pair.routers.front();
  if (flags.app->count("--threshold") > 0) job.threshold = flags.threshold;
  ServicePool services(pair, learn_service(flags.model), flags.workers);
  print_notes(services.pair());
  const InterruptGuard interrupt;
  ProgressPrinter printer(flags.page);
  const auto preferences = collect(services, job, printer.watcher());
  if (!preferences) return report_stopped();
  fmt::print("{} positions of {} examples: {}\n{}\n", preferences->size(),
             preferences->examples.size(), labels_text(*preferences), flags.out);
  return 0;
}

}  // namespace

Run add_collect(CLI::App& app) {
  auto flags = std::make_shared<CollectCommand>();
  CLI::App* command = app.add_subcommand(
      "collect", "Collect routing preferences: where the SLM's token is good enough");
  flags->app = command;
  command->add_option("--out", flags->out, "Preferences file (GGUF)")->required();
  add_workers_flag(*command, flags->workers);
  add_page_flag(*command, flags->page);
  flags->collect.add_to(*command);
  command
      ->add_option("--threshold", flags->threshold,
                   "Threshold of the router that continuations follow (default: its own)")
      ->check(CLI::Range(0.0, 1.0));
  flags->model.add_to(*command);
  return [flags] { return run_collect(*flags); };
}

}  // namespace citer::cli
