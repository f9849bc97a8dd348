#include "engine/policy_set.h"

#include <algorithm>

#include <fmt/format.h>

#include "citer/error.h"
#include "model/fingerprint.h"
#include "route/learned_policy.h"

namespace citer {

PolicySet::PolicySet(const std::vector<std::string>& router_files, const Model& slm) {
  for (const std::string& path : router_files) {
    Router router = load_router_for(path, slm);
    RouterFacts facts{.policy = router.info.policy,
                      .path = path,
                      .fingerprint = fingerprint_text(file_fingerprint(path)),
                      .chat_format = router.info.chat_format,
                      .reliability = router.info.reliability};
    const auto policy = make_learned_policy(std::move(router), slm);
    for (const RouterFacts& other : facts_) {
      if (other.policy != policy->name()) continue;
      throw FieldError({"routers"}, fmt::format("{} and {} both stand for the policy {}",
                                                other.path, path, policy->name()));
    }
    learned_.push_back(policy);
    facts_.push_back(std::move(facts));
  }
}

std::shared_ptr<const RoutingPolicy> PolicySet::find(const std::string& name) const {
  const std::string& wanted = name.empty() ? "citer" : name;
  const auto found = std::find_if(learned_.begin(), learned_.end(),
                                  [&](const auto& policy) { return policy->name() == wanted; });
  if (found != learned_.end()) return *found;
  return make_policy(name.empty() ? "maxprob" : name);
}

std::optional<Promise> choose_promise(const RoutingPolicy& policy,
                                      const GenerationOptions& options) {
  if (!options.promise) {
    return options.threshold || options.budget ? std::nullopt : policy.promise({});
  }
  if (options.threshold) throw FieldError({"accuracy", "threshold"}, "give one, not both");
  if (options.budget) throw FieldError({"accuracy", "budget"}, "give one, not both");
  auto promise = policy.promise(options.promise);
  if (!promise) {
    throw FieldError({"accuracy"},
                     fmt::format("policy '{}' has no outcomes of validation examples, of which it "
                                 "could be promised",
                                 policy.name()));
  }
  return promise;
}

double choose_threshold(const RoutingPolicy& policy, const GenerationOptions& options) {
  const std::optional<double>& threshold = options.threshold;
  const std::optional<double>& budget = options.budget;
  if (threshold && budget) throw FieldError({"threshold", "budget"}, "give one, not both");
  if (const auto promise = choose_promise(policy, options)) return promise->threshold.value_or(1.0);
  if (!budget) return threshold.value_or(policy.default_threshold());
  if (!(*budget >= 0 && *budget <= 1)) {
    throw FieldError({"budget"}, fmt::format("expected a number in [0, 1], found {}", *budget));
  }
  const auto calibrated = policy.threshold_for_budget(*budget);
  if (!calibrated) {
    throw FieldError(
        {"budget"},
        fmt::format("policy '{}' has no calibration curve; give a threshold", policy.name()));
  }
  return *calibrated;
}

}  // namespace citer
