#include "model/passes.h"

namespace citer {

std::int64_t Context::cached_tokens() const {
  std::int64_t sum = 0;
  for (int s = 0; s < sequences(); ++s) sum += static_cast<std::int64_t>(cached(s).size());
  return sum;
}

}  // namespace citer
