#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "citer/evaluation.h"
#include "citer/router.h"
#include "eval/record.h"

namespace citer {

/// What a finished (or resumed) evaluation holds.
struct EvalResults {
  ModelFacts slm;
  ModelFacts llm;
  std::vector<std::string> data;      ///< names of the datasets, in order
  std::vector<EvalSetting> settings;  ///< in the order they were run
  std::vector<ChunkRecord> chunks;
  /// By policy of a router: what its score claims, as training has measured it.
  std::map<std::string, std::vector<ReliabilityBin>> claims;
  bool complete = false;  ///< false when the watcher ended it
};

/// What evaluate() runs and records, before it is summed up. Chunks are appended to
/// `out/records.jsonl` as they are done; a run that finds some there goes on where it ended, if
/// `out/run.json` says it was the same run. The texts do not depend on where a run was interrupted:
/// each chunk starts from empty caches. Throws as evaluate() does.
EvalResults run_evaluation(Service& service, const EvalOptions& options, const Watcher& watcher);

/// Reads the records of a finished or unfinished evaluation back. Throws InputError.
EvalResults load_results(const std::filesystem::path& out);

}  // namespace citer
