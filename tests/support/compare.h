#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace citer::test {

/// Largest difference between two rows of the same length.
inline double max_difference(std::span<const float> a, std::span<const float> b) {
  double largest = a.size() == b.size() ? 0.0 : HUGE_VAL;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(double{a[i]} - double{b[i]}));
  }
  return largest;
}

/// How far the largest value leads the second largest.
inline double top_two_gap(std::span<const float> values) {
  std::vector<float> sorted(values.begin(), values.end());
  std::partial_sort(sorted.begin(), sorted.begin() + 2, sorted.end(), std::greater<>());
  return double{sorted[0]} - double{sorted[1]};
}

/// softmax(logits / temperature), in doubles.
inline std::vector<double> softmax(std::span<const float> logits, double temperature = 1.0) {
  const double top = *std::max_element(logits.begin(), logits.end());
  std::vector<double> shares;
  double sum = 0.0;
  for (const float logit : logits) {
    shares.push_back(std::exp((logit - top) / temperature));
    sum += shares.back();
  }
  for (double& share : shares) share /= sum;
  return shares;
}

}  // namespace citer::test
