#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "citer/service.h"
#include "eval/record.h"
#include "eval/settings.h"
#include "task/answer.h"
#include "task/dataset.h"

namespace citer {

struct EvalOptions {
  std::vector<std::filesystem::path> data;
  DatasetOptions dataset;
  AnswerOptions answer;
  std::vector<std::string> policies;
  /// Thresholds of the curves; empty: those that let the `budgets` through.
  std::vector<double> thresholds;
  /// LLM shares aimed at, in [0, 1]; empty: default_budgets().
  std::vector<double> budgets;
  GenerationOptions generation;  ///< policy and threshold are replaced by each setting's
  /// Folder for records.jsonl, run.json, summary.json and report.html.
  std::filesystem::path out;
  std::function<bool()> should_stop;
};

/// What a finished (or resumed) evaluation holds.
struct EvalResults {
  ModelFacts slm;
  ModelFacts llm;
  std::vector<std::string> data;      ///< names of the datasets, in order
  std::vector<EvalSetting> settings;  ///< in the order they were run
  std::vector<ChunkRecord> chunks;
  bool complete = false;  ///< false when should_stop ended it
};

/// Runs every policy at every threshold over every dataset. Chunks are appended to
/// `out/records.jsonl` as they are done; a run that finds some there goes on where it ended, if
/// `out/run.json` says it was the same run. The texts do not depend on where a run was interrupted:
/// each chunk starts from empty caches.
///
/// Throws UsageError (unknown policy, threshold outside [0, 1], two datasets of one name),
/// InputError (datasets, records of another run, folder not writable) or ResourceError (disk full);
/// what was recorded stays.
EvalResults evaluate(Service& service, const EvalOptions& options);

/// Reads the records of a finished or unfinished evaluation back.
EvalResults load_results(const std::filesystem::path& out);

}  // namespace citer
