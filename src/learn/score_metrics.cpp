#include "learn/score_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

namespace citer {

namespace {

std::vector<std::size_t> by_score(std::span<const float> scores) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  return order;
}

/// Probability that a wanted row scores above another, ties counting half.
double area_under_roc(std::span<const float> scores, std::span<const float> wanted,
                      std::span<const float> weight) {
  const std::vector<std::size_t> order = by_score(scores);
  double below = 0.0;  // weight of unwanted rows with a lower score
  double area = 0.0;
  double all_wanted = 0.0;
  for (std::size_t i = 0; i < order.size();) {
    double tied = 0.0;
    double tied_wanted = 0.0;
    const float score = scores[order[i]];
    for (; i < order.size() && scores[order[i]] == score; ++i) {
      (wanted[order[i]] > 0.5F ? tied_wanted : tied) += weight[order[i]];
    }
    area += tied_wanted * (below + tied / 2);
    below += tied;
    all_wanted += tied_wanted;
  }
  return below > 0 && all_wanted > 0 ? area / (below * all_wanted) : 0.5;
}

}  // namespace

ScoreMetrics score_metrics(std::span<const float> scores, std::span<const float> wanted,
                           std::span<const float> weight) {
  constexpr std::size_t kBins = 10;
  struct Bin {
    double weight = 0.0;
    double score = 0.0;
    double wanted = 0.0;
  };
  std::array<Bin, kBins> bins{};
  double total = 0.0;
  double right = 0.0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double w = weight[i];
    total += w;
    if ((scores[i] > 0.5F) == (wanted[i] > 0.5F)) right += w;
    Bin& bin = bins[std::min(kBins - 1, static_cast<std::size_t>(scores[i] * kBins))];
    bin.weight += w;
    bin.score += w * scores[i];
    bin.wanted += wanted[i] > 0.5F ? w : 0.0;
  }
  ScoreMetrics metrics;
  if (total <= 0) return metrics;
  metrics.accuracy = right / total;
  for (const Bin& bin : bins) metrics.calibration_error += std::abs(bin.score - bin.wanted) / total;
  metrics.auc = area_under_roc(scores, wanted, weight);
  return metrics;
}

std::vector<ReliabilityBin> reliability(std::span<const float> scores,
                                        std::span<const float> wanted,
                                        std::span<const float> weight) {
  constexpr std::array kEnds = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0};
  const double total = std::accumulate(weight.begin(), weight.end(), 0.0);
  const std::vector<std::size_t> order = by_score(scores);
  std::vector<ReliabilityBin> bins;
  double below = 0.0;
  double begun = 0.0;
  ReliabilityBin bin;
  const double* end = kEnds.data();
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t row = order[i];
    below += weight[row];
    bin.score += double{weight[row]} * scores[row];
    if (wanted[row] > 0.5F) bin.outcome += weight[row];
    const bool is_last = i + 1 == order.size();
    const bool is_tied = !is_last && scores[order[i + 1]] == scores[row];
    if (is_tied || !(is_last || below >= *end * total)) continue;
    const double held = below - begun;
    bins.push_back({below / total, bin.score / held, bin.outcome / held});
    begun = below;
    bin = {};
    while (end + 1 < kEnds.data() + kEnds.size() && below >= *end * total) ++end;
  }
  return bins;
}

}  // namespace citer
