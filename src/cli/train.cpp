#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "citer/error.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/interrupt.h"
#include "cli/learn_flags.h"
#include "learn/rounds.h"
#include "route/learned_policy.h"

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
  std::string folder;
  std::string out;
  CLI::App* app = nullptr;
};

void note(const std::string& line) { fmt::print(stderr, "{}\n", line); }

Preferences load_all(const std::vector<std::string>& paths) {
  Preferences all = load_preferences(paths.front());
  for (std::size_t i = 1; i < paths.size(); ++i) {
    const Preferences more = load_preferences(paths[i]);
    all.append(more, paths.front(), paths[i]);
    all.info.identity += "; " + more.info.identity;
  }
  return all;
}

/// Trains on preferences that were collected before.
std::optional<Router> train_on_files(ServicePool& services, const TrainCommand& flags,
                                     const TrainOptions& train, const CalibrateOptions& valid) {
  const Preferences preferences = load_all(flags.preferences);
  const ModelIdentity slm = identity_of(*services.pair().slm());
  if (slm.fingerprint != preferences.info.slm.fingerprint) {
    throw InputError(fmt::format("{}: collected with the SLM '{}', but {} is '{}'",
                                 flags.preferences.front(), preferences.info.slm.name,
                                 services.pair().slm()->options().path, slm.name));
  }
  Router router =
      train_router(preferences, train, [](const EpochReport& r) { note(epoch_text(r)); });
  router.info.identity = training_identity(preferences, train, valid);
  if (!calibrate(services, router, valid)) return std::nullopt;
  return router;
}

int run_train(const TrainCommand& flags) {
  if (flags.preferences.empty() == (flags.rounds == 0)) {
    throw UsageError("give --preferences FILE (to train on) or --rounds N (to collect as well)");
  }
  TrainOptions train = flags.train.train_options();
  train.policy = flags.policy;
  train.should_stop = InterruptGuard::requested;
  check(train);  // before hours of collecting
  CalibrateOptions valid = flags.train.calibrate_options();
  valid.should_stop = InterruptGuard::requested;
  ServicePool services(flags.model.pair_options(), learn_service(flags.model), flags.workers);
  train.threads = services.pair().llm()->threads();
  const InterruptGuard interrupt;
  std::optional<Router> router;
  if (flags.rounds == 0) {
    router = train_on_files(services, flags, train, valid);
  } else {
    RoundsOptions options{.rounds = flags.rounds,
                          .folder = flags.folder.empty() ? flags.out + ".rounds" : flags.folder,
                          .collect = flags.collect.options(),
                          .train = train,
                          .calibrate = valid};
    options.collect.should_stop = InterruptGuard::requested;
    router = learn_in_rounds(services, options, note);
  }
  if (!router) return report_stopped();
  save_router(flags.out, *router);
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
  add_workers_flag(*command, flags->workers);
  flags->collect.add_to(*command);
  flags->train.add_to(*command);
  flags->model.add_to(*command);
  return [flags] { return run_train(*flags); };
}

}  // namespace citer::cli
