#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "report.h"

namespace citer::demo {
namespace {

double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

double accuracy(const TaskReport& task, const RoutedRun& run) {
  return percent(run.correct, task.examples);
}

double llm_share(const RoutedRun& run) {
  return percent(static_cast<double>(run.counters.llm_tokens),
                 static_cast<double>(run.counters.tokens()));
}

double recovered(const TaskReport& task, const RoutedRun& run) {
  return percent(run.correct - task.slm.correct, task.llm.correct - task.slm.correct);
}

std::string accuracies(const Report& report) {
  std::string out = "| task | examples | SLM | LLM |\n|---|---|---|---|\n";
  for (const TaskReport& task : report.tasks) {
    out += fmt::format("| {} | {} | {:.1f} % | {:.1f} % |\n", task.task, task.examples,
                       accuracy(task, task.slm), accuracy(task, task.llm));
  }
  return out;
}

std::string shares(const Report& report) {
  std::string out =
      "| task | positions | free wording | both unsure | of these free | SLM wrong | both wrong | "
      "SLM's wrong above 0.9 | above 0.98 |\n|---|---|---|---|---|---|---|---|---|\n";
  for (const TaskReport& task : report.tasks) {
    const ForcedShares& f = task.forced;
    const auto n = static_cast<double>(f.positions);
    const auto wrong = static_cast<double>(f.fixed_wrong_slm);
    out += fmt::format(
        "| {} | {} | {:.1f} % | {:.1f} % | {:.1f} % | {:.2f} % | {:.2f} % | {:.1f} % | {:.1f} % "
        "|\n",
        task.task, f.positions, percent(static_cast<double>(f.free), n),
        percent(static_cast<double>(f.both_unsure), n),
        percent(static_cast<double>(f.free_both_unsure), static_cast<double>(f.both_unsure)),
        percent(wrong, n), percent(static_cast<double>(f.both_wrong), n),
        percent(static_cast<double>(f.confident_wrong), wrong),
        percent(static_cast<double>(f.sure_wrong), wrong));
  }
  return out;
}

std::string curves(const Report& report) {
  std::string out =
      "| task | threshold | LLM share | accuracy | gap recovered |\n|---|---|---|---|---|\n";
  for (const TaskReport& task : report.tasks) {
    for (const RoutedRun& run : task.maxprob) {
      out += fmt::format("| {} | {:.2f} | {:.1f} % | {:.1f} % | {:.1f} % |\n", task.task,
                         run.threshold, llm_share(run), accuracy(task, run), recovered(task, run));
    }
  }
  return out;
}

nlohmann::ordered_json json_of(const RoutedRun& run) {
  return {{"threshold", run.threshold},
          {"correct", run.correct},
          {"tokens", run.counters.tokens()},
          {"llm_tokens", run.counters.llm_tokens}};
}

}  // namespace

std::string to_markdown(const Report& report) {
  return "Greedy accuracy:\n\n" + accuracies(report) +
         "\nAt the positions of the reference answers, right text before:\n\n" + shares(report) +
         "\nPolicy maxprob:\n\n" + curves(report) +
         fmt::format("\nOne token, one thread: SLM {:.0f} us, LLM {:.0f} us, ratio {:.1f}\n",
                     report.slm_token_seconds * 1e6, report.llm_token_seconds * 1e6,
                     report.llm_token_seconds / std::max(1e-12, report.slm_token_seconds));
}

std::string to_json(const Report& report) {
  nlohmann::ordered_json out;
  for (const TaskReport& task : report.tasks) {
    const ForcedShares& f = task.forced;
    nlohmann::ordered_json runs = nlohmann::ordered_json::array();
    for (const RoutedRun& run : task.maxprob) runs.push_back(json_of(run));
    out["tasks"].push_back({{"task", task.task},
                            {"examples", task.examples},
                            {"slm", json_of(task.slm)},
                            {"llm", json_of(task.llm)},
                            {"maxprob", runs},
                            {"positions", f.positions},
                            {"free", f.free},
                            {"both_unsure", f.both_unsure},
                            {"free_both_unsure", f.free_both_unsure},
                            {"slm_wrong", f.fixed_wrong_slm},
                            {"llm_wrong", f.fixed_wrong_llm},
                            {"both_wrong", f.both_wrong},
                            {"slm_wrong_above_0.9", f.confident_wrong},
                            {"slm_wrong_above_0.98", f.sure_wrong}});
  }
  out["slm_token_seconds"] = report.slm_token_seconds;
  out["llm_token_seconds"] = report.llm_token_seconds;
  return out.dump(2) + "\n";
}

}  // namespace citer::demo
