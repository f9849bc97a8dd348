#pragma once

#include <chrono>
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
  /// Preferences of an earlier round: texts that the LLM wrote then are not written again.
  const Preferences* before = nullptr;
  /// No example is begun after it.
  std::optional<std::chrono::steady_clock::time_point> deadline{};

  /// Who goes on from a token that is tried.
  ContinueBy who_continues() const {
    const bool llm = router.empty() && labels == LabelRule::kOutcome;
    return continue_by.value_or(llm ? ContinueBy::kLlm : ContinueBy::kPolicy);
  }
};

/// Sequences that hold the texts continuations are forked from: ServiceOptions::spare_sequences.
int collect_spare_sequences();

/// Collects routing preferences and writes `out`. Finished parts are kept in `out`.parts until all
/// examples are done, so that the same call after an interruption goes on, and ends with the same
/// file; and so does a call with more rollout tokens or time. Returns nothing when the watcher
/// ended it. The number of services does not change the result, but where time does.
///
/// Throws UsageError (options out of range), InputError (datasets, router, a .parts folder of other
/// work, no example with a reference) or ResourceError.
std::optional<Preferences> collect(ServicePool& services, const CollectJob& job,
                                   const Watcher& watcher = {});

}  // namespace citer
