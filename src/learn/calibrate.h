#pragma once

#include <memory>
#include <vector>

#include "citer/progress.h"
#include "citer/training.h"
#include "learn/service_pool.h"
#include "route/router.h"
#include "task/dataset.h"

namespace citer {

/// What routed answers cost and bring at one threshold, over the examples.
CalibrationPoint measure_threshold(Service& service, const std::vector<Example>& examples,
                                   std::shared_ptr<const RoutingPolicy> policy, double threshold,
                                   int max_tokens);

/// Measures the router's curve and both models alone, and puts them into its info. Returns false,
/// and leaves the router as it was, when the watcher ended it.
bool calibrate(ServicePool& services, Router& router, const CalibrateOptions& options,
               const Watcher& watcher);

}  // namespace citer
