#include "serve/presets.h"

#include <charconv>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "route/learned_policy.h"
#include "serve/api_error.h"

namespace citer {

namespace {

constexpr std::string_view kDefaultName = "citer";
constexpr std::string_view kBudgetPrefix = "citer-budget-";

/// What is to be used, before the policy is looked up.
struct Wanted {
  std::string policy;
  std::optional<double> threshold;
  std::optional<double> budget;
  std::optional<PromiseOptions> promise;
};

std::optional<double> share_of(std::string_view text) {
  double share = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  if (!(share >= 0 && share <= 1)) return {};
  return share;
}

std::shared_ptr<const RoutingPolicy> find_or_null(const Pair& pair, const std::string& name) {
  try {
    return pair.policy(name);
  } catch (const UsageError&) {
    return nullptr;
  }
}

std::optional<Wanted> find_wanted(const Pair& pair, const GenerationOptions& defaults,
                                  const std::string& model) {
  if (model.empty() || model == kDefaultName) {
    return Wanted{defaults.policy, defaults.threshold, defaults.budget, defaults.promise};
  }
  if (model == "small") return Wanted{"slm", {}, {}, {}};
  if (model == "large" && !pair.is_single()) return Wanted{"llm", {}, {}, {}};
  if (model.starts_with(kBudgetPrefix)) {
    const auto budget = share_of(std::string_view(model).substr(kBudgetPrefix.size()));
    if (budget) return Wanted{defaults.policy, {}, budget, {}};
  } else if (find_or_null(pair, model) != nullptr) {
    return Wanted{model, {}, {}, {}};
  }
  return std::nullopt;
}

void check_one_is_given(const RoutingFields& fields) {
  if (fields.threshold && fields.budget) {
    throw bad_field("citer.budget", "give a threshold or a budget, not both");
  }
  if (fields.accuracy && (fields.threshold || fields.budget)) {
    throw bad_field("citer.accuracy", "give it, a threshold or a budget, not several");
  }
  if (fields.confidence && !fields.accuracy) {
    throw bad_field("citer.confidence", "it belongs to citer.accuracy, which is missing");
  }
}

}  // namespace

Routing choose_routing(const Pair& pair, const GenerationOptions& defaults,
                       const std::string& model, const RoutingFields& fields) {
  Wanted wanted = find_wanted(pair, defaults, model).value();
  std::string budget_field = "model";
  if (fields.policy) wanted = {*fields.policy, {}, {}, {}};
  check_one_is_given(fields);
  if (fields.threshold || fields.budget) {
    wanted.threshold = fields.threshold;
    wanted.budget = fields.budget;
    wanted.promise.reset();
    budget_field = "citer.budget";
  }
  if (fields.accuracy) {
    wanted.threshold.reset();
    wanted.budget.reset();
    wanted.promise = PromiseOptions{.accuracy = *fields.accuracy};
    if (fields.confidence) wanted.promise->confidence = *fields.confidence;
  }
  Routing routing;
  routing.policy = find_or_null(pair, wanted.policy);
  if (routing.policy == nullptr) {
    throw bad_field("citer.policy", fmt::format("unknown policy '{}'; there are {}", wanted.policy,
                                                fmt::join(available_policies(pair), ", ")));
  }
  if (wanted.budget && !routing.policy->threshold_for_budget(*wanted.budget)) {
    throw bad_field(budget_field,
                    fmt::format("policy '{}' has no calibration, so a budget means nothing to it; "
                                "give a threshold",
                                routing.policy->name()));
  }
  routing.threshold = wanted.threshold;
  routing.budget = wanted.budget;
  routing.promise = wanted.promise;
  routing.is_named = !wanted.policy.empty() || wanted.threshold || wanted.budget || fields.accuracy;
  return routing;
}

bool is_model(const Pair& pair, const GenerationOptions& defaults, const std::string& name) {
  return find_wanted(pair, defaults, name).has_value();
}

std::vector<std::string> preset_names(const Pair& pair, const GenerationOptions& defaults) {
  std::vector<std::string> names = {std::string(kDefaultName)};
  const auto policy = pair.policy(defaults.policy);
  for (const double budget : {0.05, 0.1, 0.2}) {
    if (policy->threshold_for_budget(budget)) {
      names.push_back(fmt::format("{}{}", kBudgetPrefix, budget));
    }
  }
  names.emplace_back("slm");
  if (!pair.is_single()) names.emplace_back("llm");
  return names;
}

std::vector<std::string> available_policies(const Pair& pair) {
  if (pair.is_single()) return {"slm"};
  std::vector<std::string> names;
  for (const std::string& name : policy_names()) {
    if (!is_learned_policy(name)) names.push_back(name);
  }
  for (const RouterFacts& router : pair.router_facts()) names.push_back(router.policy);
  return names;
}

}  // namespace citer
