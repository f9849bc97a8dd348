#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "base/rng.h"

namespace citer::demo {

/// The numbers of a word problem, one per lower-case letter; 0 means unused.
class Numbers {
 public:
  int& operator[](char key) { return values_[static_cast<std::size_t>(key - 'a')]; }
  int operator[](char key) const { return values_[static_cast<std::size_t>(key - 'a')]; }

  /// True when no number is negative or above `largest`.
  bool within(int largest) const;

 private:
  std::array<int, 26> values_{};
};

/// One kind of word problem. `draw` may propose numbers that leave the permitted range: the caller
/// draws again (see math_task.cpp).
struct MathTemplate {
  std::string_view question;
  std::string_view solution;  // without the closing "The answer is ..." sentence
  char result;                // the number in the box
  void (*draw)(Numbers&, Rng&);
};

std::span<const MathTemplate> two_step_templates();
std::span<const MathTemplate> three_step_templates();
std::span<const MathTemplate> four_step_templates();

/// All of the above.
const std::vector<MathTemplate>& math_templates();

// Ranges that a small model can learn by heart: one-digit factor, other factor, addend.
inline int one_digit(Rng& r) { return static_cast<int>(r.uniform(2, 9)); }
inline int up_to_20(Rng& r) { return static_cast<int>(r.uniform(2, 20)); }
inline int addend(Rng& r) { return static_cast<int>(r.uniform(5, 99)); }
inline int between(Rng& r, int low, int high) { return static_cast<int>(r.uniform(low, high)); }

}  // namespace citer::demo
