#pragma once

// The models that the API offers: names for ways of routing.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "citer/pair.h"

namespace citer {

/// What a request says of its routing (field `citer`); each may be missing.
struct RoutingFields {
  std::optional<std::string> policy;
  std::optional<double> threshold;
  std::optional<double> budget;
  std::optional<double> accuracy;    ///< of a promise
  std::optional<double> confidence;  ///< of it
};

/// How a request is routed.
struct Routing {
  std::shared_ptr<const RoutingPolicy> policy;
  std::optional<double> threshold;  ///< with neither of the three: the policy's own
  std::optional<double> budget;
  std::optional<PromiseOptions> promise;
  bool is_named = false;  ///< by the request, or by the server's defaults
};

/// The routing that a model name and a request's own fields stand for. `model`, which is_model()
/// knows, is "" or "citer" for the server's defaults, "citer-budget-0.15" for those with another
/// budget, "small" or "large" for one model alone, or a policy's name. A policy or threshold in
/// `fields` goes before the model's. Throws ApiError 400 for an unknown policy, for several of
/// threshold, budget and accuracy, and for what the policy has no calibration or outcomes for.
Routing choose_routing(const Pair& pair, const GenerationOptions& defaults,
                       const std::string& model, const RoutingFields& fields);

/// Whether choose_routing() knows the name.
bool is_model(const Pair& pair, const GenerationOptions& defaults, const std::string& name);

/// The names that are listed; choose_routing() knows more (any budget, any policy).
std::vector<std::string> preset_names(const Pair& pair, const GenerationOptions& defaults);

/// Policies that a request may name: those that need no router, and those of the routers there are.
std::vector<std::string> available_policies(const Pair& pair);

}  // namespace citer
