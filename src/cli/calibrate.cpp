#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "citer/training.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/learn_flags.h"
#include "cli/output.h"
#include "cli/progress.h"

namespace citer::cli {

namespace {

struct CalibrateCommand {
  ModelFlags model;
  CalibrateOptions calibrate;
  PromiseOptions promised;
  std::vector<std::string> data;
  std::string out;
  int workers = 0;
  CLI::App* app = nullptr;
};

int run_calibrate(const CalibrateCommand& flags) {
  CalibrateOptions options = flags.calibrate;
  options.data.assign(flags.data.begin(), flags.data.end());
  if (options.data.empty()) options.data = bundled_validation_data();
  if (flags.app->count("--accuracy") > 0) options.promise = flags.promised;
  const PairOptions pair = flags.model.pair_options();
  const InterruptGuard interrupt;
  ProgressPrinter printer;
  const auto router = calibrate_router(pair, learn_service(flags.model), options, flags.out,
                                       flags.workers, printer.watcher());
  if (!router) return report_stopped();
  if (router->promise) fmt::print("{}\n", promise_text(*router->promise));
  fmt::print("{}\n", flags.out);
  return 0;
}

}  // namespace

Run add_calibrate(CLI::App& app) {
  auto flags = std::make_shared<CalibrateCommand>();
  CLI::App* command = app.add_subcommand(
      "calibrate", "Measure a router's thresholds on validation examples, for this pair");
  flags->app = command;
  CalibrateOptions& options = flags->calibrate;
  command->add_option("--out", flags->out, "Router file (GGUF); may be the one of --router")
      ->required();
  command->add_option("--data", flags->data,
                      "Validation datasets (default: the bundled validation files)");
  command
      ->add_option("--limit", options.dataset.limit,
                   "Only the first so many examples of each (0: all)")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--template", options.dataset.prompt_template,
                      "Prompt template with {question} and {choices}");
  command
      ->add_option("--budgets", options.budgets,
                   "LLM shares that thresholds are chosen for, on what the SLM writes alone")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("-n,--predict", options.max_tokens, "Tokens of an answer at most")
      ->capture_default_str();
  command->add_option("-s,--seed", options.sampling.seed, "Seed")->capture_default_str();
  add_stop_flag(*command, options.stop);
  add_sampling_flags(*command, options.sampling);
  add_promise_flags(*command, flags->promised);
  add_workers_flag(*command, flags->workers);
  flags->model.add_to(*command);
  return [flags] { return run_calibrate(*flags); };
}

}  // namespace citer::cli
