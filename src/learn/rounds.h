#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "learn/calibrate.h"
#include "learn/collect.h"
#include "learn/train.h"

namespace citer {

struct RoundsOptions {
  int rounds = 2;  ///< at most
  /// Everything made on the way: round-N/preferences.gguf and round-N/router.gguf.
  std::filesystem::path folder;
  CollectOptions collect;  ///< out, router and round are set for each round
  TrainOptions train;
  CalibrateOptions calibrate;
};

/// Policy optimisation in rounds (CITER, arXiv 2502.01976, algorithm 1): collect preferences, with
/// rollouts under the round's policy (the SLM alone at first, then the router of the round before),
/// train, calibrate, and again until no label changes side. What earlier calls left in the folder
/// is not done again. `note` gets a line about each step. Nothing when should_stop ended it.
std::optional<Router> learn_in_rounds(ServicePool& services, const RoundsOptions& options,
                                      const std::function<void(const std::string&)>& note);

/// One line about an epoch.
std::string epoch_text(const EpochReport& report);

/// Everything that decides a training's outcome, as text.
std::string training_identity(const Preferences& preferences, const TrainOptions& options,
                              const CalibrateOptions& calibrate);

}  // namespace citer
