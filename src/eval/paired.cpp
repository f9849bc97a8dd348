#include "eval/paired.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/rng.h"
#include "eval/metrics.h"

namespace citer {

namespace {

/// The examples of a run that lie in one half.
struct Half {
  std::vector<bool> correct;
  std::vector<bool> llm_correct;
  std::vector<std::int64_t> tokens;
  std::vector<std::int64_t> llm_tokens;

  double accuracy() const { return accuracy_estimate(correct).value; }
  double llm_accuracy() const { return accuracy_estimate(llm_correct).value; }
  double share() const {
    const auto sum = [](const std::vector<std::int64_t>& counts) {
      return static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
    };
    return sum(llm_tokens) / std::max(1.0, sum(tokens));
  }
};

bool in_second_half(const std::string& id) { return (hash64(id) & 1) != 0; }

/// Adds to `out` what `run` has in one half, beside the LLM alone on the same examples.
void add_half(const RunSummary& run, const std::map<std::string, bool>& llm, bool second,
              Half& out) {
  for (std::size_t i = 0; i < run.ids.size(); ++i) {
    const auto by_llm = llm.find(run.ids[i]);
    if (by_llm == llm.end() || in_second_half(run.ids[i]) != second) continue;
    out.correct.push_back(run.correct[i]);
    out.llm_correct.push_back(by_llm->second);
    out.tokens.push_back(run.tokens[i]);
    out.llm_tokens.push_back(run.llm_tokens[i]);
  }
}

std::map<std::string, bool> by_id(const RunSummary& run) {
  std::map<std::string, bool> out;
  for (std::size_t i = 0; i < run.ids.size(); ++i) out[run.ids[i]] = run.correct[i];
  return out;
}

}  // namespace

Paired pair_up(const RunSummary& a, const RunSummary& b) {
  const auto right_in_b = by_id(b);
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

std::optional<ChosenPoint> chosen_point(const std::vector<const RunSummary*>& runs,
                                        const RunSummary& llm, double part) {
  const auto llm_right = by_id(llm);
  ChosenPoint out;
  Half measured;
  for (const bool second : {false, true}) {
    const RunSummary* chosen = nullptr;
    double least = 1.0;
    for (const RunSummary* run : runs) {
      Half half;
      add_half(*run, llm_right, second, half);
      if (half.accuracy() < part * half.llm_accuracy() || half.share() >= least) continue;
      chosen = run;
      least = half.share();
    }
    if (chosen == nullptr) return std::nullopt;
    out.thresholds[second ? 1 : 0] = chosen->setting.threshold;
    add_half(*chosen, llm_right, !second, measured);
  }
  out.llm_share = ratio_estimate(measured.llm_tokens, measured.tokens);
  out.accuracy = accuracy_estimate(measured.correct);
  out.beside_llm = paired_difference(measured.correct, measured.llm_correct);
  return out;
}

const RunSummary* counterpart(const RunSummary& run, const Summary& b) {
  const RunSummary* nearest = nullptr;
  const auto distance = [&](const RunSummary& other) {
    return std::abs(other.llm_share.value - run.llm_share.value);
  };
  for (const RunSummary& other : b.runs) {
    if (other.setting == run.setting) return &other;
    const bool same_curve =
        other.setting.data == run.setting.data && other.setting.policy == run.setting.policy;
    if (!same_curve) continue;
    if (nearest == nullptr || distance(other) < distance(*nearest)) nearest = &other;
  }
  return nearest;
}

}  // namespace citer
