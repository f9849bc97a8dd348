#pragma once

#include <functional>
#include <string>
#include <vector>

#include "citer/types.h"
#include "task/example.h"

namespace citer::demo {

struct ReportOptions {
  std::string slm;
  std::string llm;
  std::string data;  ///< directory of the test files
  int limit = 0;     ///< examples per task; 0: all
  std::vector<double> thresholds = {0.5, 0.6, 0.7, 0.8, 0.9, 0.95};
};

/// What the two models do at the positions of the reference answers, given the right text before.
struct ForcedShares {
  long positions = 0;
  long free = 0;              ///< where the wording was drawn at random
  long both_unsure = 0;       ///< both models' top probability below 0.9
  long free_both_unsure = 0;  ///< of those, at free positions
  // At positions that are not free:
  long fixed_wrong_slm = 0;  ///< the SLM's likeliest token is not the reference's
  long fixed_wrong_llm = 0;
  long both_wrong = 0;
  long confident_wrong = 0;  ///< SLM wrong with top probability above 0.9
  long sure_wrong = 0;       ///< above 0.98
};

/// One policy at one threshold.
struct RoutedRun {
  double threshold = 0;
  int correct = 0;
  Counters counters;
};

struct TaskReport {
  std::string task;
  int examples = 0;
  RoutedRun slm;
  RoutedRun llm;
  std::vector<RoutedRun> maxprob;  ///< by threshold
  ForcedShares forced;
};

struct Report {
  std::vector<TaskReport> tasks;
  double slm_token_seconds = 0;  ///< median of single-token passes, one thread
  double llm_token_seconds = 0;
};

/// Measures the pair on the test files of both tasks. `log` gets progress lines.
Report measure(const ReportOptions& options, const std::function<void(const std::string&)>& log);

/// The report as Markdown tables, ratios computed here.
std::string to_markdown(const Report& report);

/// The report's counters as JSON.
std::string to_json(const Report& report);

}  // namespace citer::demo
