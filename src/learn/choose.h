#pragma once

#include <span>
#include <vector>

namespace citer {

/// Probability with which each item is to be chosen so that `count` are, as far as there are so
/// many: proportional to its value, at most 1. Values are above 0.
std::vector<double> inclusion_probabilities(std::span<const double> values, int count);

/// Items chosen with these probabilities by one uniform number in (0, 1) (systematic sampling;
/// Madow, 1949): which[i] says whether i is. Weighted by the inverse of their probabilities sums
/// over the chosen are unbiased (Horvitz and Thompson, 1952).
std::vector<bool> choose(std::span<const double> probabilities, double uniform);

}  // namespace citer
