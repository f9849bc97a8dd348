#pragma once

#include <memory>
#include <string>
#include <vector>

#include "citer/pair.h"
#include "citer/policy.h"
#include "model/model.h"

namespace citer {

/// The policies that may be asked for by name: those of loaded routers, and make_policy()'s.
class PolicySet {
 public:
  /// Loads the routers. Throws as load_router_for() does, and UsageError when two of them stand
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

}  // namespace citer
