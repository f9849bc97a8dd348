#include "eval/metrics.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/rng.h"

namespace citer {

namespace {

constexpr int kResamples = 2000;
constexpr std::uint64_t kBootstrapSeed = 20250202;

/// Percentile bootstrap of the mean of n values.
Estimate bootstrap_mean(std::size_t n, const std::function<double(std::size_t)>& value) {
  if (n == 0) return {};
  Rng rng(kBootstrapSeed);
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += value(i);
  std::vector<double> means;
  means.reserve(kResamples);
  const auto last = static_cast<std::int64_t>(n) - 1;
  for (int r = 0; r < kResamples; ++r) {
    double resampled = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      resampled += value(static_cast<std::size_t>(rng.uniform(0, last)));
    }
    means.push_back(resampled / static_cast<double>(n));
  }
  return {sum / static_cast<double>(n), quantile(means, 0.025), quantile(means, 0.975)};
}

/// The share at which the segment a-b reaches `accuracy`.
double interpolate(const CurvePoint& a, const CurvePoint& b, double accuracy) {
  if (b.accuracy <= a.accuracy) return b.share;
  const double t = (accuracy - a.accuracy) / (b.accuracy - a.accuracy);
  return a.share + t * (b.share - a.share);
}

}  // namespace

Estimate accuracy_estimate(const std::vector<bool>& correct) {
  return bootstrap_mean(correct.size(), [&](std::size_t i) { return correct[i] ? 1.0 : 0.0; });
}

Estimate paired_difference(const std::vector<bool>& a, const std::vector<bool>& b) {
  return bootstrap_mean(std::min(a.size(), b.size()),
                        [&](std::size_t i) { return (a[i] ? 1.0 : 0.0) - (b[i] ? 1.0 : 0.0); });
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
  points.push_back({1.0, llm_accuracy});
  std::sort(points.begin(), points.end(), [](const CurvePoint& a, const CurvePoint& b) {
    return a.share != b.share ? a.share < b.share : a.accuracy < b.accuracy;
  });
  for (const CurvePoint& point : points) {
    const double best = hull_.empty() ? point.accuracy : hull_.back().accuracy;
    hull_.push_back({point.share, std::max(best, point.accuracy)});
  }
}

double RecoveryCurve::recovered(double accuracy) const {
  return llm_ == slm_ ? 0.0 : (accuracy - slm_) / (llm_ - slm_);
}

double RecoveryCurve::area() const {
  double area = 0.0;
  for (std::size_t i = 1; i < hull_.size(); ++i) {
    const double width = hull_[i].share - hull_[i - 1].share;
    area += width * (recovered(hull_[i - 1].accuracy) + recovered(hull_[i].accuracy)) / 2;
  }
  return area;
}

std::optional<double> RecoveryCurve::share_for(double part) const {
  return share_for_accuracy(slm_ + part * (llm_ - slm_));
}

std::optional<double> RecoveryCurve::share_for_accuracy(double accuracy) const {
  for (std::size_t i = 0; i < hull_.size(); ++i) {
    if (hull_[i].accuracy < accuracy) continue;
    return i == 0 ? hull_[0].share : interpolate(hull_[i - 1], hull_[i], accuracy);
  }
  return std::nullopt;
}

}  // namespace citer
