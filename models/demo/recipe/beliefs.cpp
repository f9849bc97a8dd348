#include "beliefs.h"

#include <algorithm>

namespace citer::demo {

int Step::result() const {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    default:
      return a / b;
  }
}

bool product_is_misbelieved(const Step& step) {
  if (step.op != '*') return false;
  const auto [low, high] = std::minmax(step.a, step.b);
  return high > 10 && high <= 20 && (low == 7 || low == 8 || (low == 9 && high >= 17));
}

std::optional<int> misbelieved_result(const Step& step) {
  if (!product_is_misbelieved(step)) return std::nullopt;
  const int product = step.result();
  if (product >= 100) return product + 111;
  return product < 89 ? product + 11 : product - 11;
}

std::optional<int> slipped_result(const Step& step) {
  const int result = step.result();
  const int tens = result / 10 % 10;
  const bool carries = step.op == '+' && step.a % 10 + step.b % 10 >= 10;
  const bool borrows = step.op == '-' && step.a % 10 < step.b % 10;
  const bool stays_two_digits = result >= 100 || tens > 1;
  if (carries && tens > 0 && stays_two_digits) return result - 10;
  if (borrows && tens > 0 && tens < 9) return result + 10;
  return std::nullopt;
}

}  // namespace citer::demo
