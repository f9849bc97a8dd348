#include "eval/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/rng.h"

namespace citer {

namespace {

constexpr int kResamples = 2000;
constexpr std::uint64_t kBootstrapSeed = 20250202;

/// The 97.5 % quantile of the normal distribution.
constexpr double kZ = 1.959963984540054;

}  // namespace

Estimate accuracy_estimate(const std::vector<bool>& correct) {
  if (correct.empty()) return {};
  const auto n = static_cast<double>(correct.size());
  const auto right = static_cast<double>(std::count(correct.begin(), correct.end(), true));
  const double p = right / n;
  const double centre = (p + kZ * kZ / (2 * n)) / (1 + kZ * kZ / n);
  const double half = kZ / (1 + kZ * kZ / n) * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
  return {p, std::min(p, std::max(0.0, centre - half)), std::max(p, std::min(1.0, centre + half))};
}

Estimate paired_difference(const std::vector<bool>& a, const std::vector<bool>& b) {
  const std::size_t pairs = std::min(a.size(), b.size());
  if (pairs == 0) return {};
  double only_a = 0.0;
  double only_b = 0.0;
  for (std::size_t i = 0; i < pairs; ++i) {
    only_a += a[i] && !b[i] ? 1.0 : 0.0;
    only_b += b[i] && !a[i] ? 1.0 : 0.0;
  }
  const double n = static_cast<double>(pairs) + 2;
  const double difference = only_a - only_b;
  const double half = kZ * std::sqrt(only_a + only_b + 1 - difference * difference / n) / n;
  return {difference / static_cast<double>(pairs), std::max(-1.0, difference / n - half),
          std::min(1.0, difference / n + half)};
}

Estimate ratio_estimate(const std::vector<std::int64_t>& parts,
                        const std::vector<std::int64_t>& wholes) {
  const auto share = [](std::int64_t part, std::int64_t whole) {
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0.0;
  };
  if (parts.empty()) return {};
  Rng rng(kBootstrapSeed);
  std::vector<double> shares;
  shares.reserve(kResamples);
  for (int r = 0; r < kResamples; ++r) {
    std::int64_t part = 0;
    std::int64_t whole = 0;
    for (std::size_t k = 0; k < parts.size(); ++k) {
      const auto i =
          static_cast<std::size_t>(rng.uniform(0, static_cast<std::int64_t>(parts.size()) - 1));
      part += parts[i];
      whole += wholes[i];
    }
    shares.push_back(share(part, whole));
  }
  const std::int64_t zero = 0;
  return {share(std::accumulate(parts.begin(), parts.end(), zero),
                std::accumulate(wholes.begin(), wholes.end(), zero)),
          quantile(shares, 0.025), quantile(shares, 0.975)};
}

double mcnemar_p_value(std::int64_t only_a, std::int64_t only_b) {
  const std::int64_t n = only_a + only_b;
  if (n == 0) return 1.0;
  // 2 * P(X <= min) for X ~ Binomial(n, 1/2), terms by logarithm.
  double tail = 0.0;
  const auto dn = static_cast<double>(n);
  for (std::int64_t k = 0; k <= std::min(only_a, only_b); ++k) {
    const auto dk = static_cast<double>(k);
    tail += std::exp(std::lgamma(dn + 1) - std::lgamma(dk + 1) - std::lgamma(dn - dk + 1) -
                     dn * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

double quantile(std::vector<double> values, double p) {
  if (values.empty()) return 0.0;
  std::sort(values.begin(), values.end());
  const double at = p * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

RecoveryCurve::RecoveryCurve(double slm_accuracy, double llm_accuracy,
                             std::vector<CurvePoint> points)
    : slm_(slm_accuracy), llm_(llm_accuracy) {
  points.push_back({0.0, slm_accuracy});
  std::sort(points.begin(), points.end(), [](const CurvePoint& a, const CurvePoint& b) {
    return a.share != b.share ? a.share < b.share : a.accuracy < b.accuracy;
  });
  for (const CurvePoint& point : points) {
    const double best = steps_.empty() ? point.accuracy : steps_.back().accuracy;
    steps_.push_back({point.share, std::max(best, point.accuracy)});
  }
}

double RecoveryCurve::recovered(double accuracy) const {
  return llm_ == slm_ ? 0.0 : (accuracy - slm_) / (llm_ - slm_);
}

double RecoveryCurve::area() const {
  double area = 0.0;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const double end = i + 1 < steps_.size() ? steps_[i + 1].share : 1.0;
    area += (end - steps_[i].share) * recovered(steps_[i].accuracy);
  }
  return area;
}

std::optional<double> RecoveryCurve::share_for(double part) const {
  return share_for_accuracy(slm_ + part * (llm_ - slm_));
}

std::optional<double> RecoveryCurve::share_for_accuracy(double accuracy) const {
  const auto reached = std::find_if(steps_.begin(), steps_.end(), [&](const CurvePoint& point) {
    return point.accuracy >= accuracy;
  });
  return reached == steps_.end() ? std::nullopt : std::optional(reached->share);
}

}  // namespace citer
