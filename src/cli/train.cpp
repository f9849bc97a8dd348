#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "citer/error.h"
#include "citer/training.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/learn_flags.h"
#include "cli/progress.h"
#include "task/dataset.h"

namespace citer::cli {

namespace {

struct TrainCommand {
  ModelFlags model;
  CollectFlags collect;
  TrainFlags train;
  std::string policy = "citer";
  std::vector<std::string> preferences;
  int rounds = 0;
  int workers = 0;
  std::optional<int> page;
  double seconds = 0.0;
  std::string folder;
  std::string out;
  CLI::App* app = nullptr;
};

/// Whether all data that is collected from has right answers, to calibrate on.
bool have_answers(const CollectOptions& collect) {
  return std::all_of(collect.data.begin(), collect.data.end(), [&](const auto& path) {
    return has_answers(load_dataset(path, collect.dataset));
  });
}

/// What `train` is told about answers holds for those of the calibration, too. Without validation
/// data a pair of one's own is calibrated on a part of the training data.
void share_options(const TrainCommand& flags, LearnOptions& options) {
  CollectOptions& collect = options.collect;
  CalibrateOptions& calibrate = options.calibrate;
  calibrate.dataset.prompt_template = collect.dataset.prompt_template;
  calibrate.max_tokens = collect.max_tokens;
  calibrate.stop = collect.stop;
  if (flags.train.has_validation_data() || flags.model.is_bundled()) return;
  // What preferences were collected from is not known.
  const bool is_known = flags.preferences.empty();
  const bool has_data = flags.collect.has_data();
  if (!is_known || (has_data && !have_answers(collect))) {
    calibrate.data.clear();
  } else if (has_data) {
    calibrate.data = collect.data;
    calibrate.dataset = collect.dataset;
    collect.dataset.part = DataPart::kTraining;
    calibrate.dataset.part = DataPart::kValidation;
  }
}

int run_train(const TrainCommand& flags) {
  if (flags.preferences.empty() == (flags.rounds == 0 && flags.seconds == 0)) {
    throw UsageError(
        "give --preferences FILE (to train on), or --rounds N or --time T (to collect as well)");
  }
  LearnOptions options{.out = flags.out,
                       .preferences = {flags.preferences.begin(), flags.preferences.end()},
                       .rounds = std::max(1, flags.rounds),
                       .folder = flags.folder,
                       .workers = flags.workers,
                       .seconds = flags.seconds,
                       .collect = flags.collect.options(),
                       .train = flags.train.train_options(),
                       .calibrate = flags.train.calibrate_options()};
  options.train.policy = flags.policy;
  if (options.seconds > 0) options.calibrate.budgets = {0.05, 0.1, 0.2, 0.4};
  share_options(flags, options);
  if (options.calibrate.data.empty()) {
    fmt::print(stderr, "citer: note: the router is not calibrated; --valid names data for it\n");
  }
  const PairOptions pair = flags.model.pair_options();
  const InterruptGuard interrupt;
  ProgressPrinter printer(flags.page);
  if (!learn_router(pair, learn_service(flags.model), options, printer.watcher())) {
    return report_stopped();
  }
  fmt::print("{}\n", flags.out);
  return 0;
}

}  // namespace

Run add_train(CLI::App& app) {
  auto flags = std::make_shared<TrainCommand>();
  CLI::App* command = app.add_subcommand("train", "Train and calibrate a router");
  flags->app = command;
  command->add_option("--out", flags->out, "Router file (GGUF)")->required();
  command
      ->add_option("--preferences", flags->preferences, "Preferences files that collect has made")
      ->delimiter(',');
  command
      ->add_option("--rounds", flags->rounds,
                   "Collect and train in so many rounds, each under the router before")
      ->check(CLI::Range(1, 100));
  command->add_option("--folder", flags->folder,
                      "What the rounds make on the way (default: OUT.rounds)");
  command->add_option("--policy", flags->policy, "What is learned: citer, citer-s, co-llm or query")
      ->capture_default_str();
  command
      ->add_option("--time", flags->seconds,
                   "About how long it may take in all, as 90s, 30m or 1h; the same command then "
                   "goes on for as long again (default: until all examples are done)")
      ->transform(
          CLI::AsNumberWithUnit(std::map<std::string, double>{{"s", 1}, {"m", 60}, {"h", 3600}}));
  add_workers_flag(*command, flags->workers);
  add_page_flag(*command, flags->page);
  flags->collect.add_to(*command);
  flags->train.add_to(*command);
  flags->model.add_to(*command);
  return [flags] { return run_train(*flags); };
}

}  // namespace citer::cli
