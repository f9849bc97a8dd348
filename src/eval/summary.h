#pragma once

#include <optional>
#include <string>
#include <vector>

#include "eval/evaluation.h"
#include "eval/metrics.h"

namespace citer {

/// Name under which several datasets are summed.
inline constexpr const char* kAllData = "all";

/// One setting, over all its examples.
struct RunSummary {
  EvalSetting setting;
  std::vector<std::string> ids;  ///< of the examples, in order
  std::vector<bool> correct;     ///< one per example
  Estimate accuracy;
  Counters counters;              ///< summed over examples: what each would cost alone
  double llm_share = 0.0;         ///< over tokens
  double llm_share_mean = 0.0;    ///< mean over examples
  double flops = 0.0;             ///< 2 x parameters x evaluated tokens, both models
  double bytes_moved = 0.0;       ///< weights once a pass, and cached keys and values read
  double wall_seconds = 0.0;      ///< of the batched run
  std::vector<double> latencies;  ///< seconds per example, in the batched run
  ScoreBins scores;
};

/// One policy over one dataset, all its thresholds.
struct CurveSummary {
  std::string data;
  std::string policy;
  double apgr = 0.0;
  std::vector<std::pair<int, std::optional<double>>> cpt;  ///< for 50, 80, 95 and 99 %
  /// Least LLM share and least bytes moved (as a part of the LLM's alone) at 99 % of its accuracy.
  std::optional<double> share_at_99;
};

struct Summary {
  std::vector<RunSummary> runs;
  std::vector<CurveSummary> curves;  ///< empty unless both slm and llm were run
};

Summary summarize(const EvalResults& results);

/// The run of one dataset and policy with the largest accuracy, or nothing.
const RunSummary* find_run(const Summary& summary, const std::string& data,
                           const std::string& policy);

/// summary.json (docs/evaluation.md lists the fields).
std::string summary_json(const EvalResults& results, const Summary& summary);

/// A compact table for the terminal.
std::string summary_table(const Summary& summary);

/// What two evaluations differ in, run by run, as a table: difference of accuracy with a paired
/// interval and McNemar's p-value, and of LLM share. Only runs that both have.
std::string compare_table(const Summary& a, const Summary& b);

}  // namespace citer
