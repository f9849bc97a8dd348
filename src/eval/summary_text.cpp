// summary.json and the terminal's tables.

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "eval/metrics.h"
#include "eval/paired.h"
#include "eval/report.h"
#include "eval/run_file.h"
#include "eval/summary.h"

namespace citer {

namespace {

using nlohmann::ordered_json;

ordered_json optional_json(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

void add_estimate(ordered_json& j, const std::string& name, const Estimate& estimate) {
  j[name] = estimate.value;
  j[name + "_low"] = estimate.low;
  j[name + "_high"] = estimate.high;
}

/// The point chosen on halves; all null where none was.
void add_chosen(ordered_json& j, const std::optional<ChosenPoint>& point) {
  if (!point) {
    j["llm_share_at_99_percent_accuracy"] = nullptr;
    return;
  }
  add_estimate(j, "llm_share_at_99_percent_accuracy", point->llm_share);
  add_estimate(j, "accuracy_there", point->accuracy);
  add_estimate(j, "beside_llm_there", point->beside_llm);
  j["thresholds_there"] = point->thresholds;
}

ordered_json run_json(const RunSummary& run, const RunSummary* llm) {
  const Counters& c = run.counters;
  const auto n = static_cast<std::int64_t>(run.correct.size());
  ordered_json j = {
      {"data", run.setting.data},
      {"policy", run.setting.policy},
      {"threshold", run.setting.threshold},
      {"n", n},
      {"correct", std::count(run.correct.begin(), run.correct.end(), true)},
      {"accuracy", run.accuracy.value},
      {"accuracy_low", run.accuracy.low},
      {"accuracy_high", run.accuracy.high},
      {"llm_share", run.llm_share.value},
      {"llm_share_low", run.llm_share.low},
      {"llm_share_high", run.llm_share.high},
      {"llm_share_mean", run.llm_share_mean},
      {"tokens", c.tokens()},
      {"slm_tokens", c.slm_tokens},
      {"llm_tokens", c.llm_tokens},
      {"slm_passes", c.slm_passes},
      {"llm_passes", c.llm_passes},
      {"slm_positions", c.slm_positions},
      {"llm_positions", c.llm_positions},
      {"flops", run.flops},
      {"bytes_moved", run.bytes_moved},
      {"wall_seconds", run.wall_seconds},
      {"tokens_per_second",
       run.wall_seconds > 0 ? static_cast<double>(c.tokens()) / run.wall_seconds : 0.0},
      {"latency_p50", quantile(run.latencies, 0.50)},
      {"latency_p95", quantile(run.latencies, 0.95)},
      {"latency_p99", quantile(run.latencies, 0.99)}};
  if (llm != nullptr) {
    const Paired paired = pair_up(run, *llm);
    const Estimate difference = paired_difference(paired.a, paired.b);
    j["p_value_beside_llm"] = mcnemar_p_value(paired.only_a, paired.only_b);
    add_estimate(j, "beside_llm", difference);
    j["as_good_as_llm"] = as_good(difference);
  }
  return j;
}

ordered_json model_json(const ModelFacts& m) {
  return {{"path", m.path},
          {"description", m.description},
          {"parameters", m.parameters},
          {"bytes", m.bytes}};
}

std::string percent(double value) { return fmt::format("{:.1f}", 100 * value); }

std::string interval(const Estimate& e) {
  return fmt::format("{} [{}, {}]", percent(e.value), percent(e.low), percent(e.high));
}

std::string signed_interval(const Estimate& e) {
  return fmt::format("{:+.1f} [{:+.1f}, {:+.1f}]", 100 * e.value, 100 * e.low, 100 * e.high);
}

/// Near 1 what is left to it: "1-3e-05".
std::string threshold_text(double threshold) {
  const bool near_one = threshold < 1 && threshold > 0.9999;
  return near_one ? fmt::format("1-{:.2g}", 1 - threshold) : fmt::format("{:.4g}", threshold);
}

}  // namespace

ordered_json summary_object(const EvalResults& results, const Summary& summary) {
  ordered_json runs = ordered_json::array();
  for (const RunSummary& run : summary.runs) {
    runs.push_back(run_json(run, find_run(summary, run.setting.data, "llm")));
  }
  ordered_json curves = ordered_json::array();
  for (const CurveSummary& curve : summary.curves) {
    ordered_json j = {{"data", curve.data}, {"policy", curve.policy}, {"apgr", curve.apgr}};
    for (const auto& [part, share] : curve.cpt)
      j[fmt::format("cpt{}", part)] = optional_json(share);
    add_chosen(j, curve.at_99);
    curves.push_back(std::move(j));
  }
  return {{"complete", results.complete},   {"slm", model_json(results.slm)},
          {"llm", model_json(results.llm)}, {"runs", std::move(runs)},
          {"curves", std::move(curves)},    {"claims", claims_json(results.claims)}};
}

std::string summary_json(const EvalResults& results, const Summary& summary) {
  return summary_object(results, summary).dump(2) + "\n";
}

std::string summary_table(const Summary& summary) {
  std::string out =
      fmt::format("{:<16} {:<10} {:>9} {:>5} {:>20} {:>19} {:>9} {:>9}\n", "data", "policy",
                  "threshold", "n", "accuracy %", "LLM %", "GB moved", "tokens/s");
  for (const RunSummary& run : summary.runs) {
    const double rate =
        run.wall_seconds > 0 ? static_cast<double>(run.counters.tokens()) / run.wall_seconds : 0.0;
    out +=
        fmt::format("{:<16} {:<10} {:>9} {:>5} {:>20} {:>19} {:>9.3g} {:>9.0f}\n", run.setting.data,
                    run.setting.policy, threshold_text(run.setting.threshold), run.correct.size(),
                    interval(run.accuracy), interval(run.llm_share), run.bytes_moved / 1e9, rate);
  }
  if (summary.curves.empty()) return out;
  out += fmt::format("\n{:<16} {:<10} {:>6} {:>7} {:>7} {:>7} {:>7} {:>24} {:>22}\n", "data",
                     "policy", "APGR", "CPT50", "CPT80", "CPT95", "CPT99", "LLM % at 99 % of acc.",
                     "beside the LLM, %");
  for (const CurveSummary& curve : summary.curves) {
    out += fmt::format("{:<16} {:<10} {:>6.3f}", curve.data, curve.policy, curve.apgr);
    for (const auto& [part, value] : curve.cpt) {
      out += fmt::format(" {:>7}", value ? percent(*value) : "-");
    }
    out += fmt::format(" {:>24} {:>22}\n", curve.at_99 ? interval(curve.at_99->llm_share) : "-",
                       curve.at_99 ? signed_interval(curve.at_99->beside_llm) : "-");
  }
  return out;
}

std::string compare_table(const Summary& a, const Summary& b) {
  std::string out =
      fmt::format("{:<16} {:<10} {:>9} {:>9} {:>5} {:>7} {:>7} {:>22} {:>8} {:>8} {:>8}\n", "data",
                  "policy", "A at", "B at", "n", "A %", "B %", "A - B", "p", "A LLM %", "B LLM %");
  int shared = 0;
  for (const RunSummary& run : a.runs) {
    const RunSummary* other = counterpart(run, b);
    if (other == nullptr) continue;
    const Paired paired = pair_up(run, *other);
    out += fmt::format("{:<16} {:<10} {:>9} {:>9} {:>5} {:>7} {:>7} {:>22} {:>8.3g} {:>8} {:>8}\n",
                       run.setting.data, run.setting.policy, threshold_text(run.setting.threshold),
                       threshold_text(other->setting.threshold), paired.a.size(),
                       percent(run.accuracy.value), percent(other->accuracy.value),
                       signed_interval(paired_difference(paired.a, paired.b)),
                       mcnemar_p_value(paired.only_a, paired.only_b), percent(run.llm_share.value),
                       percent(other->llm_share.value));
    ++shared;
  }
  return shared > 0 ? out : "the two evaluations have no data and policy in common\n";
}

}  // namespace citer
