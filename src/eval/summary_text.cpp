// summary.json and the terminal's tables.

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "eval/metrics.h"
#include "eval/report.h"
#include "eval/summary.h"

namespace citer {

namespace {

using nlohmann::ordered_json;

ordered_json optional_json(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

/// Which examples two runs share, and which of them only one has right.
struct Paired {
  std::vector<bool> a;
  std::vector<bool> b;
  std::int64_t only_a = 0;
  std::int64_t only_b = 0;
};

Paired pair_up(const RunSummary& a, const RunSummary& b) {
  std::map<std::string, bool> right_in_b;
  for (std::size_t i = 0; i < b.ids.size(); ++i) right_in_b[b.ids[i]] = b.correct[i];
  Paired paired;
  for (std::size_t i = 0; i < a.ids.size(); ++i) {
    const auto other = right_in_b.find(a.ids[i]);
    if (other == right_in_b.end()) continue;
    paired.a.push_back(a.correct[i]);
    paired.b.push_back(other->second);
    paired.only_a += a.correct[i] && !other->second ? 1 : 0;
    paired.only_b += !a.correct[i] && other->second ? 1 : 0;
  }
  return paired;
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
      {"llm_share", run.llm_share},
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
    j["p_value_beside_llm"] = mcnemar_p_value(paired.only_a, paired.only_b);
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
    j["llm_share_at_99_percent_accuracy"] = optional_json(curve.share_at_99);
    curves.push_back(std::move(j));
  }
  return {{"complete", results.complete},
          {"slm", model_json(results.slm)},
          {"llm", model_json(results.llm)},
          {"runs", std::move(runs)},
          {"curves", std::move(curves)}};
}

std::string summary_json(const EvalResults& results, const Summary& summary) {
  return summary_object(results, summary).dump(2) + "\n";
}

std::string summary_table(const Summary& summary) {
  std::string out =
      fmt::format("{:<16} {:<10} {:>9} {:>7} {:>16} {:>8} {:>9} {:>9}\n", "data", "policy",
                  "threshold", "acc. %", "95 % interval", "LLM %", "GB moved", "tokens/s");
  for (const RunSummary& run : summary.runs) {
    const double rate =
        run.wall_seconds > 0 ? static_cast<double>(run.counters.tokens()) / run.wall_seconds : 0.0;
    out += fmt::format("{:<16} {:<10} {:>9.4g} {:>7} {:>16} {:>8} {:>9.3g} {:>9.0f}\n",
                       run.setting.data, run.setting.policy, run.setting.threshold,
                       percent(run.accuracy.value),
                       percent(run.accuracy.low) + " - " + percent(run.accuracy.high),
                       percent(run.llm_share), run.bytes_moved / 1e9, rate);
  }
  if (summary.curves.empty()) return out;
  out += fmt::format("\n{:<16} {:<10} {:>6} {:>7} {:>7} {:>7} {:>7} {:>22}\n", "data", "policy",
                     "APGR", "CPT50", "CPT80", "CPT95", "CPT99", "LLM % at 99 % of acc.");
  const auto share = [](const std::optional<double>& value) {
    return value ? percent(*value) : "-";
  };
  for (const CurveSummary& curve : summary.curves) {
    out += fmt::format("{:<16} {:<10} {:>6.3f}", curve.data, curve.policy, curve.apgr);
    for (const auto& [part, value] : curve.cpt) out += fmt::format(" {:>7}", share(value));
    out += fmt::format(" {:>22}\n", share(curve.share_at_99));
  }
  return out;
}

std::string compare_table(const Summary& a, const Summary& b) {
  std::string out =
      fmt::format("{:<16} {:<10} {:>9} {:>7} {:>7} {:>24} {:>8} {:>8} {:>8}\n", "data", "policy",
                  "threshold", "A %", "B %", "A - B, 95 % interval", "p", "A LLM %", "B LLM %");
  int shared = 0;
  for (const RunSummary& run : a.runs) {
    for (const RunSummary& other : b.runs) {
      if (run.setting != other.setting) continue;
      const Paired paired = pair_up(run, other);
      const Estimate difference = paired_difference(paired.a, paired.b);
      out += fmt::format("{:<16} {:<10} {:>9.4g} {:>7} {:>7} {:>24} {:>8.3g} {:>8} {:>8}\n",
                         run.setting.data, run.setting.policy, run.setting.threshold,
                         percent(run.accuracy.value), percent(other.accuracy.value),
                         fmt::format("{:+.1f} ({:+.1f} to {:+.1f})", 100 * difference.value,
                                     100 * difference.low, 100 * difference.high),
                         mcnemar_p_value(paired.only_a, paired.only_b), percent(run.llm_share),
                         percent(other.llm_share));
      ++shared;
    }
  }
  return shared > 0 ? out : "the two evaluations have no data, policy and threshold in common\n";
}

}  // namespace citer
