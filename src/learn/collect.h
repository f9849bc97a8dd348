#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "citer/progress.h"
#include "citer/training.h"
#include "learn/preferences.h"
#include "learn/service_pool.h"
#include "task/dataset.h"

namespace citer {

/// One collection: what to do, under which router, and where to.
struct CollectJob : CollectOptions {
  std::filesystem::path out{};  ///< the preferences file
  /// Router that continuations follow (round 2 and later); "": the SLM alone.
  std::string router{};
  /// Its threshold; unset: the router's default.
  std::optional<double> threshold{};
  int round = 1;
};

/// Sequences that hold the texts continuations are forked from: ServiceOptions::spare_sequences.
int collect_spare_sequences();

/// Collects routing preferences and writes `out`. Finished parts are kept in `out`.parts until
/// then, so that the same call after an interruption goes on, and ends with the same file. Returns
/// nothing when the watcher ended it. The number of services does not change the result.
///
/// Throws UsageError (options out of range), InputError (datasets, router, a .parts folder of other
/// work, no example with a reference) or ResourceError.
std::optional<Preferences> collect(ServicePool& services, const CollectJob& job,
                                   const Watcher& watcher = {});

}  // namespace citer
