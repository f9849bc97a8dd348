#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "learn/preferences.h"
#include "learn/service_pool.h"
#include "task/dataset.h"

namespace citer {

struct CollectOptions {
  std::vector<std::filesystem::path> data;
  DatasetOptions dataset;
  std::filesystem::path out;  ///< the preferences file
  LabelRule labels = LabelRule::kOutcome;
  StateSource states = StateSource::kReference;
  /// Router that continuations follow (round 2 and later); "": the SLM alone.
  std::string router;
  /// Its threshold; unset: the router's default.
  std::optional<double> threshold;
  /// Weight of a continuation's cost beside a right answer's 1.
  double cost_weight = 0.05;
  /// Continuations per branch. One is greedy; several are sampled, for soft preferences.
  int rollouts = 1;
  double temperature = 0.7;  ///< of several
  std::uint64_t seed = 0;
  int max_tokens = 256;  ///< of an answer
  int round = 1;
  std::function<bool()> should_stop;
};

/// Sequences that hold the texts continuations are forked from: ServiceOptions::spare_sequences.
int collect_spare_sequences();

/// Collects routing preferences and writes `out`. Finished parts are kept in `out`.parts until
/// then, so that the same call after an interruption goes on, and ends with the same file. Returns
/// nothing when should_stop ended it (any worker's thread may ask it). The services must have
/// collect_spare_sequences() spare sequences; their number does not change the result.
///
/// Throws UsageError (options out of range), InputError (datasets, router, a .parts folder of other
/// work, no example with a reference) or ResourceError.
std::optional<Preferences> collect(ServicePool& services, const CollectOptions& options);

}  // namespace citer
