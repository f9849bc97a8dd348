#pragma once

#include <chrono>
#include <optional>

#include "citer/progress.h"
#include "citer/training.h"
#include "learn/service_pool.h"
#include "route/router.h"

namespace citer {

/// Measures the router's curve, both models alone and what promises are made of, and puts all of it
/// into its info, with the promise if one is asked for. After the deadline no further examples are
/// begun, but for the first few. Returns false, and leaves the router as it was, when the watcher
/// ended it.
bool calibrate(ServicePool& services, Router& router, const CalibrateOptions& options,
               const Watcher& watcher,
               std::optional<std::chrono::steady_clock::time_point> deadline = {});

}  // namespace citer
