#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "learn/service_pool.h"
#include "route/router.h"
#include "task/dataset.h"

namespace citer {

/// What routed answers cost and bring at one threshold, over the examples.
CalibrationPoint measure_threshold(Service& service, const std::vector<Example>& examples,
                                   std::shared_ptr<const RoutingPolicy> policy, double threshold,
                                   int max_tokens);

struct CalibrateOptions {
  std::vector<std::filesystem::path> data;  ///< validation examples
  DatasetOptions dataset;
  /// LLM shares that thresholds are chosen for, on what the SLM writes alone.
  std::vector<double> budgets = {0.01, 0.02, 0.03, 0.05, 0.075, 0.10, 0.15, 0.20, 0.30, 0.50};
  int max_tokens = 256;
  std::function<bool()> should_stop;
};

/// Measures the router's curve and both models alone, and puts them into its info. Returns false,
/// and leaves the router as it was, when should_stop ended it.
bool calibrate(ServicePool& services, Router& router, const CalibrateOptions& options);

}  // namespace citer
