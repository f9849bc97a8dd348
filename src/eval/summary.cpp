#include "eval/summary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "eval/metrics.h"
#include "eval/paired.h"

namespace citer {

namespace {

constexpr std::array<int, 4> kCptParts = {50, 80, 95, 99};

double ratio(double a, double b) { return b > 0 ? a / b : 0.0; }

double flops_of(const EvalResults& r, const Counters& c) {
  const auto cost = [](const ModelFacts& m, std::int64_t positions) {
    return 2.0 * static_cast<double>(m.parameters) * static_cast<double>(positions);
  };
  return cost(r.slm, c.slm_positions) + cost(r.llm, c.llm_positions);
}

double bytes_of(const EvalResults& r, const Counters& c) {
  const auto cost = [](const ModelFacts& m, std::int64_t passes, std::int64_t reads) {
    return static_cast<double>(m.bytes) * static_cast<double>(passes) +
           static_cast<double>(m.cache_bytes_per_token) * static_cast<double>(reads);
  };
  return cost(r.slm, c.slm_passes, c.slm_cache_reads) +
         cost(r.llm, c.llm_passes, c.llm_cache_reads);
}

void add_chunk(RunSummary& run, const ChunkRecord& chunk) {
  for (const ExampleRecord& e : chunk.examples) {
    run.ids.push_back(chunk.setting.data + "/" + e.id);
    run.correct.push_back(e.correct);
    run.counters += e.counters;
    run.tokens.push_back(e.counters.tokens());
    run.llm_tokens.push_back(e.counters.llm_tokens);
    run.llm_share_mean +=
        ratio(static_cast<double>(e.counters.llm_tokens), static_cast<double>(e.counters.tokens()));
    run.latencies.push_back(e.seconds);
  }
  run.wall_seconds += chunk.wall_seconds;
  run.scores += chunk.scores;
}

void finish(RunSummary& run, const EvalResults& results) {
  run.accuracy = accuracy_estimate(run.correct);
  run.llm_share = ratio_estimate(run.llm_tokens, run.tokens);
  run.llm_share_mean = ratio(run.llm_share_mean, static_cast<double>(run.correct.size()));
  run.flops = flops_of(results, run.counters);
  run.bytes_moved = bytes_of(results, run.counters);
}

CurveSummary summarize_curve(const Summary& summary, const RunSummary& slm, const RunSummary& llm,
                             const std::string& policy) {
  std::vector<CurvePoint> points;
  std::vector<const RunSummary*> runs;
  for (const RunSummary& run : summary.runs) {
    if (run.setting.data == slm.setting.data && run.setting.policy == policy) {
      points.push_back({run.llm_share.value, run.accuracy.value});
      runs.push_back(&run);
    }
  }
  const RecoveryCurve curve(slm.accuracy.value, llm.accuracy.value, std::move(points));
  CurveSummary result;
  result.data = slm.setting.data;
  result.policy = policy;
  result.apgr = curve.area();
  for (int part : kCptParts) result.cpt.emplace_back(part, curve.share_for(part / 100.0));
  result.at_99 = chosen_point(runs, llm, 0.99);
  return result;
}

void add_curves(Summary& summary, const std::vector<std::string>& data,
                const std::vector<std::string>& policies) {
  for (const std::string& name : data) {
    const RunSummary* slm = find_run(summary, name, "slm");
    const RunSummary* llm = find_run(summary, name, "llm");
    if (slm == nullptr || llm == nullptr) continue;
    for (const std::string& policy : policies) {
      if (policy == "slm" || policy == "llm") continue;
      summary.curves.push_back(summarize_curve(summary, *slm, *llm, policy));
    }
  }
}

}  // namespace

const RunSummary* find_run(const Summary& summary, const std::string& data,
                           const std::string& policy) {
  const RunSummary* best = nullptr;
  for (const RunSummary& run : summary.runs) {
    if (run.setting.data != data || run.setting.policy != policy) continue;
    if (best == nullptr || run.accuracy.value > best->accuracy.value) best = &run;
  }
  return best;
}

Summary summarize(const EvalResults& results) {
  std::vector<std::string> data = results.data;
  if (data.size() > 1) data.emplace_back(kAllData);
  Summary summary;
  std::map<EvalSetting, std::size_t> index;
  std::vector<std::string> policies;
  const auto run_for = [&](const EvalSetting& setting) -> RunSummary& {
    const auto [at, is_new] = index.emplace(setting, summary.runs.size());
    if (is_new) summary.runs.emplace_back().setting = setting;
    return summary.runs[at->second];
  };
  for (const std::string& name : data) {
    for (const EvalSetting& s : results.settings) {
      if (s.data == name || name == kAllData) run_for({name, s.policy, s.threshold});
      if (std::find(policies.begin(), policies.end(), s.policy) == policies.end()) {
        policies.push_back(s.policy);
      }
    }
  }
  for (const ChunkRecord& chunk : results.chunks) {
    add_chunk(run_for(chunk.setting), chunk);
    if (data.size() > results.data.size()) {
      add_chunk(run_for({kAllData, chunk.setting.policy, chunk.setting.threshold}), chunk);
    }
  }
  std::erase_if(summary.runs, [](const RunSummary& run) { return run.correct.empty(); });
  for (RunSummary& run : summary.runs) finish(run, results);
  add_curves(summary, data, policies);
  return summary;
}

}  // namespace citer
