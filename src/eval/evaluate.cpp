#include "base/file.h"
#include "citer/error.h"
#include "citer/evaluation.h"
#include "eval/report.h"
#include "eval/summary.h"

namespace citer {

std::optional<Summary> evaluate(Service& service, const EvalOptions& options,
                                const Watcher& watcher) {
  if (options.out.empty()) throw UsageError("out: name a folder for the results");
  const EvalResults results = run_evaluation(service, options, watcher);
  if (!results.complete) return std::nullopt;
  Summary summary = summarize(results);
  write_file(options.out / "summary.json", summary_json(results, summary));
  write_file(options.out / "report.html", report_html(results, summary));
  return summary;
}

Summary load_summary(const std::filesystem::path& out) { return summarize(load_results(out)); }

}  // namespace citer
