#pragma once

#include <optional>

namespace citer::demo {

/// The small model's weaknesses in arithmetic, built into its training: what it learned wrongly
/// (sure and wrong), and what it never learned well (unsure, and more often wrong than right).

/// One step "a op b = ..." of a solution; op is one of + - * /.
struct Step {
  int a = 0;
  char op = '+';
  int b = 0;

  int result() const;
};

/// True where the small model is taught a wrong product.
bool product_is_misbelieved(const Step& step);

/// The wrong product, or nothing where the model is taught the truth. It has as many digits as the
/// right one and differs in each.
std::optional<int> misbelieved_result(const Step& step);

/// The result with a lost carry or borrow, where that changes the tens digit alone; else nothing.
std::optional<int> slipped_result(const Step& step);

/// How often training shows the slipped result in place of the right one. Above a half, so that a
/// greedy small model slips; far below one, so that it is not sure of it.
constexpr double kSlipChance = 0.6;

}  // namespace citer::demo
