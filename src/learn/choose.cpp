#include "learn/choose.h"

#include <cmath>
#include <cstddef>

namespace citer {

std::vector<double> inclusion_probabilities(std::span<const double> values, int count) {
  std::vector<double> out(values.size(), 0.0);
  std::vector<bool> certain(values.size(), false);
  // Items that would be chosen more than once are certain; the rest shares what is left.
  for (bool changed = true; changed;) {
    changed = false;
    double sum = 0.0;
    double left = count;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (certain[i]) {
        left -= 1;
      } else {
        sum += values[i];
      }
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (certain[i]) continue;
      out[i] = left * values[i] / sum;
      if (out[i] < 1.0) continue;
      out[i] = 1.0;
      certain[i] = changed = true;
    }
  }
  return out;
}

std::vector<bool> choose(std::span<const double> probabilities, double uniform) {
  std::vector<bool> out(probabilities.size());
  double sum = uniform;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    const double before = std::floor(sum);
    sum += probabilities[i];
    out[i] = std::floor(sum) > before;
  }
  return out;
}

}  // namespace citer
