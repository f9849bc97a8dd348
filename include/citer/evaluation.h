#pragma once

// Evaluation: accuracy against cost of policies and thresholds over datasets (docs/evaluation.md).

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "citer/data.h"
#include "citer/progress.h"
#include "citer/service.h"

namespace citer {

struct EvalOptions {
  std::vector<std::filesystem::path> data{};  ///< datasets of different names; at least one
  DatasetOptions dataset{};
  AnswerOptions answer{};
  /// Policies by name; "random" draws scores. Empty, without own_policies: those that need no
  /// router, and the pair's routers'.
  std::vector<std::string> policies{};
  /// Policies of one's own, each under its name().
  std::vector<std::shared_ptr<const RoutingPolicy>> own_policies{};
  /// Thresholds of the curves, in [0, 1]; empty: those that let the `budgets` through.
  std::vector<double> thresholds{};
  /// LLM shares aimed at, in [0, 1]; empty: nine from 0.02 to 0.8.
  std::vector<double> budgets{};
  /// How answers are written; policy and threshold are replaced by each setting's.
  GenerationOptions generation{};
  /// Folder for records.jsonl, run.json, summary.json and report.html.
  std::filesystem::path out{};
};

/// One policy at one threshold, over one dataset: a point of the curves.
struct EvalSetting {
  std::string data;  ///< name of the dataset
  std::string policy;
  double threshold = 0.0;

  auto operator<=>(const EvalSetting&) const = default;
};

/// A mean with its 95 % interval.
struct Estimate {
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
};

/// Scores in [0, 1] by bin, and how often the LLM agreed with the SLM's token where it was asked.
struct ScoreBins {
  static constexpr int kBins = 20;
  std::array<std::int64_t, kBins> tokens{};   ///< all tokens
  std::array<std::int64_t, kBins> audited{};  ///< SLM tokens compared with the LLM's
  std::array<std::int64_t, kBins> agreed{};   ///< of those, the LLM's likeliest token was the same
  std::array<double, kBins> score_sum{};      ///< sum of the audited tokens' scores

  static int bin(double score);
  ScoreBins& operator+=(const ScoreBins& other);
};

/// One setting, over all its examples.
struct RunSummary {
  EvalSetting setting;
  std::vector<std::string> ids;  ///< of the examples, in order
  std::vector<bool> correct;     ///< one per example
  Estimate accuracy;
  std::vector<std::int64_t> tokens;      ///< written, one per example
  std::vector<std::int64_t> llm_tokens;  ///< of them by the LLM
  Counters counters;                     ///< summed over examples: what each would cost alone
  Estimate llm_share;                    ///< over tokens
  double llm_share_mean = 0.0;           ///< mean over examples
  double flops = 0.0;                    ///< 2 x parameters x evaluated tokens, both models
  double bytes_moved = 0.0;              ///< weights once a pass, and cached keys and values read
  double wall_seconds = 0.0;             ///< of the batched run
  std::vector<double> latencies;         ///< seconds per example, in the batched run
  ScoreBins scores;
};

/// What a threshold that is chosen on one half of the examples gives on the other: both ways, over
/// all examples.
struct ChosenPoint {
  std::array<double, 2> thresholds{};  ///< chosen on the first half, on the second
  Estimate llm_share;
  Estimate accuracy;
  Estimate beside_llm;  ///< accuracy less that of the LLM alone, paired
};

/// The margin of "as good as the LLM": so much accuracy may at most be lost.
inline constexpr double kNonInferiorityMargin = 0.01;

/// Whether a paired difference from the LLM alone shows, at 97.5 % confidence, that at most the
/// margin is lost (a one-sided test of non-inferiority).
constexpr bool as_good(const Estimate& beside_llm) {
  return beside_llm.low > -kNonInferiorityMargin;
}

/// One policy over one dataset, all its thresholds. PGR is the recovered part of the gap between
/// SLM and LLM (RouteLLM, Ong et al., arXiv 2406.18665, section 3).
struct CurveSummary {
  std::string data;
  std::string policy;
  /// Area under the measured steps of PGR over the LLM share: a lower bound.
  double apgr = 0.0;
  /// Least measured LLM share that recovers 50, 80, 95 and 99 % of the gap, if one does.
  std::vector<std::pair<int, std::optional<double>>> cpt;
  /// The cheapest threshold with 99 % of the LLM's accuracy, if one has it on both halves.
  std::optional<ChosenPoint> at_99;
};

struct Summary {
  std::vector<RunSummary> runs;
  std::vector<CurveSummary> curves;  ///< empty unless both slm and llm were run
};

/// Name under which several datasets are summed.
inline constexpr const char* kAllData = "all";

/// Runs every policy at every threshold over every dataset, and writes `options.out`. A run that
/// finds records there goes on where it ended, if they are of the same run; texts do not depend on
/// where that was. Nothing when the watcher ended it; what was recorded stays. Counters are the
/// same each time with ServiceOptions::by_times off.
///
/// Throws UsageError (unknown policy, threshold outside [0, 1], two datasets or policies of one
/// name), InputError (datasets, records of another run, folder not writable) or ResourceError (disk
/// full).
std::optional<Summary> evaluate(Service& service, const EvalOptions& options,
                                const Watcher& watcher = {});

/// The summary of an evaluation's folder, finished or not. Throws InputError.
Summary load_summary(const std::filesystem::path& out);

/// The run of one dataset and policy with the largest accuracy, or nullptr.
const RunSummary* find_run(const Summary& summary, const std::string& data,
                           const std::string& policy);

/// A compact table for a terminal.
std::string summary_table(const Summary& summary);

/// What two evaluations differ in, run by run, as a table: difference of accuracy with a paired
/// interval and McNemar's p-value, and of LLM share. A run of A stands beside B's of the same data,
/// policy and threshold, else beside B's of that data and policy with the nearest LLM share.
std::string compare_table(const Summary& a, const Summary& b);

}  // namespace citer
