#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "citer/engine.h"
#include "citer/policy.h"
#include "model/model.h"

namespace citer {

/// The policies that may be asked for by name: those of loaded routers, and make_policy()'s.
class PolicySet {
 public:
  /// Loads the routers. Throws as load_learned_policy() does, and UsageError when two of them stand
  /// for the same policy.
  PolicySet(const std::vector<std::string>& router_files, const Model& slm);

  /// "" is citer where there is a router for it, else maxprob. Throws UsageError for a name that is
  /// not known.
  std::shared_ptr<const RoutingPolicy> find(const std::string& name) const;

  /// The routers, in the order of their files.
  const std::vector<RouterFacts>& routers() const { return facts_; }

 private:
  std::vector<std::shared_ptr<const RoutingPolicy>> learned_;
  std::vector<RouterFacts> facts_;
};

/// The threshold that a threshold or a budget stands for; the policy's default where neither is
/// given. Throws UsageError when both are, when a budget is outside [0, 1], or for a budget where
/// the policy has no calibration.
double choose_threshold(const RoutingPolicy& policy, std::optional<double> threshold,
                        std::optional<double> budget);

}  // namespace citer
