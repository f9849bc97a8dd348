#pragma once

#include <optional>

#include "citer/progress.h"
#include "citer/training.h"
#include "learn/service_pool.h"
#include "route/router.h"

namespace citer {

/// Policy optimisation in rounds (CITER, arXiv 2502.01976, algorithm 1): collect preferences, with
/// rollouts under the round's policy (the SLM alone at first, then the router of the round before),
/// train, calibrate, and again until no label changes side. What earlier calls left in the folder
/// is not done again. Nothing when the watcher ended it.
std::optional<Router> learn_in_rounds(ServicePool& services, const LearnOptions& options,
                                      const Watcher& watcher);

/// Trains on LearnOptions::preferences, all together, and calibrates. Nothing when the watcher
/// ended it. Throws InputError when they were collected with another SLM than the services', or on
/// prompts in another format.
std::optional<Router> learn_from_files(ServicePool& services, const LearnOptions& options,
                                       const Watcher& watcher);

}  // namespace citer
