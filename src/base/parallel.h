#pragma once

#include <cstddef>
#include <functional>

namespace citer {

/// Calls `work(worker, i)` for every i in [0, n), on `workers` threads (the caller's alone if 1);
/// each takes the next i that is left. Returns when all are done. After an exception no new i is
/// begun, and the first one is thrown on.
void parallel_for(std::size_t n, int workers,
                  const std::function<void(int worker, std::size_t i)>& work);

}  // namespace citer
