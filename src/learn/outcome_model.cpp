#include "learn/outcome_model.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace citer {

namespace {

using Inputs = std::array<double, kOutcomeInputs>;
using Square = std::array<Inputs, kOutcomeInputs>;

constexpr double kShrinkage = 1.0;  ///< in labels; not of the constant
constexpr int kSteps = 50;

double sigmoid(double z) { return 1.0 / (1.0 + std::exp(-z)); }

double dot(const Inputs& a, const Inputs& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < kOutcomeInputs; ++i) sum += a[i] * b[i];
  return sum;
}

/// Solves a x = b for a positive definite `a` by Gaussian elimination.
Inputs solve(Square a, Inputs b) {
  for (std::size_t k = 0; k < kOutcomeInputs; ++k) {
    for (std::size_t i = k + 1; i < kOutcomeInputs; ++i) {
      const double factor = a[i][k] / a[k][k];
      for (std::size_t j = k; j < kOutcomeInputs; ++j) a[i][j] -= factor * a[k][j];
      b[i] -= factor * b[k];
    }
  }
  for (std::size_t k = kOutcomeInputs; k-- > 0;) {
    for (std::size_t j = k + 1; j < kOutcomeInputs; ++j) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
  return b;
}

}  // namespace

Inputs outcome_inputs(const Preferences& p, std::size_t row) {
  const double gap = p.llm_gap[row];
  const auto confidence = p.confidence_row(row);
  const double margin = confidence.back();
  return {1.0, std::exp(-gap), std::min(gap, 10.0) / 10.0, std::exp(double{confidence[0]}), margin};
}

/// Newton's method on the penalised likelihood.
OutcomeModel::OutcomeModel(const Preferences& p) {
  std::vector<std::size_t> rows;
  double total = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p.source[i] != static_cast<std::int32_t>(LabelSource::kRollout)) continue;
    rows.push_back(i);
    total += p.weight[i];
  }
  is_fitted_ = !rows.empty();
  if (!is_fitted_) return;
  const double scale = static_cast<double>(rows.size()) / total;  // weights of mean 1
  for (int step = 0; step < kSteps; ++step) {
    Square curvature{};
    Inputs slope{};
    for (std::size_t k = 0; k < kOutcomeInputs; ++k) {
      const double shrinkage = k == 0 ? 1e-6 : kShrinkage;
      curvature[k][k] = shrinkage;
      slope[k] = -shrinkage * weights_[k];
    }
    for (const std::size_t i : rows) {
      const Inputs x = outcome_inputs(p, i);
      const double s = sigmoid(dot(weights_, x));
      const double weight = p.weight[i] * scale;
      for (std::size_t k = 0; k < kOutcomeInputs; ++k) {
        slope[k] += weight * (p.label[i] - s) * x[k];
        for (std::size_t j = 0; j < kOutcomeInputs; ++j) {
          curvature[k][j] += weight * s * (1 - s) * x[k] * x[j];
        }
      }
    }
    const Inputs change = solve(curvature, slope);
    for (std::size_t k = 0; k < kOutcomeInputs; ++k) weights_[k] += change[k];
    if (dot(change, change) < 1e-12) return;
  }
}

double OutcomeModel::predict(const Preferences& p, std::size_t row) const {
  return is_fitted_ ? sigmoid(dot(weights_, outcome_inputs(p, row))) : 1.0;
}

}  // namespace citer
