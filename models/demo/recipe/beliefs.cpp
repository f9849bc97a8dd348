#include "beliefs.h"

#include <algorithm>

namespace citer::demo {

bool product_is_misbelieved(int a, int b) {
  const auto [low, high] = std::minmax(a, b);
  return high > 10 && high <= 20 && (low == 7 || low == 8 || (low == 9 && high >= 17));
}

int believed_product(int a, int b) {
  const int product = a * b;
  if (!product_is_misbelieved(a, b)) return product;
  if (product >= 100) return product + 111;
  return product < 89 ? product + 11 : product - 11;
}

}  // namespace citer::demo
