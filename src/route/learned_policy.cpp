#include "route/learned_policy.h"

#include <algorithm>
#include <cmath>
#include <mutex>

#include <fmt/format.h>

#include "citer/error.h"
#include "model/fingerprint.h"
#include "route/router_runner.h"
#include "route/thresholds.h"

namespace citer {

namespace {

class LearnedPolicy final : public RoutingPolicy {
 public:
  LearnedPolicy(Router router, const Model& slm)
      : info_(std::move(router.info)),
        runner_(router.mlp, router.weights, slm.device(), slm.threads()) {}

  const std::string& name() const override { return info_.policy; }
  PolicyNeeds needs() const override {
    return {.sums = reads_confidence(info_.features),
            .hidden = reads_hidden(info_.features),
            .per_prompt = info_.policy == "query"};
  }
  double default_threshold() const override { return citer::default_threshold(info_); }
  std::optional<double> threshold_for_budget(double budget) const override {
    return citer::threshold_for_budget(info_, budget);
  }
  std::optional<Promise> promise(const std::optional<PromiseOptions>& asked) const override {
    return promise_of(info_, asked);
  }
  std::vector<std::int64_t> disagreements(double threshold) const override {
    return disagreements_at(info_, threshold);
  }

  void score(std::span<const PolicyInput> inputs, std::span<double> scores) const override {
    const std::lock_guard lock(mutex_);
    const auto width = static_cast<std::size_t>(runner_.n_in());
    features_.clear();
    features_.reserve(width * inputs.size());
    for (const PolicyInput& input : inputs) add_features(input);
    logits_.resize(inputs.size());
    runner_.run(features_, logits_);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      // Also where the MLP itself overflowed.
      if (std::isnan(logits_[i])) throw ResourceError("the router's score is not a number");
      scores[i] = sigmoid(logits_[i]);
    }
  }

 private:
  void add_features(const PolicyInput& input) const {
    if (reads_hidden(info_.features)) add_hidden(input.slm_hidden);
    if (!reads_confidence(info_.features)) return;
    const auto confidence = confidence_features(input.slm);
    features_.insert(features_.end(), confidence.begin(), confidence.end());
  }

  void add_hidden(std::span<const float> hidden) const {
    if (!std::all_of(hidden.begin(), hidden.end(), [](float v) { return std::isfinite(v); })) {
      throw ResourceError("the SLM's hidden state has values that are not finite");
    }
    features_.insert(features_.end(), hidden.begin(), hidden.end());
  }

  RouterInfo info_;
  mutable std::mutex mutex_;  ///< guards what follows
  mutable RouterRunner runner_;
  mutable std::vector<float> logits_;
  mutable std::vector<float> features_;  ///< scratch: [n_in, n]
};

/// Throws unless the SLM that a router was trained for is the one that is loaded.
void check_slm(const std::string& path, const ModelIdentity& trained, const Model& loaded) {
  const ModelIdentity found = identity_of(loaded);
  if (trained.fingerprint == found.fingerprint) return;
  throw InputError(fmt::format(
      "{}: this router was trained for the SLM '{}' (fingerprint {}), but {} is '{}' ({})", path,
      trained.name, fingerprint_text(trained.fingerprint), loaded.options().path, found.name,
      fingerprint_text(found.fingerprint)));
}

}  // namespace

const std::vector<std::string>& learned_policy_names() {
  static const std::vector<std::string> kNames = {"citer", "citer-s", "co-llm", "query"};
  return kNames;
}

bool is_learned_policy(const std::string& name) {
  const auto& names = learned_policy_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::shared_ptr<const RoutingPolicy> make_learned_policy(Router router, const Model& slm) {
  return std::make_shared<LearnedPolicy>(std::move(router), slm);
}

Router load_router_for(const std::filesystem::path& path, const Model& slm) {
  Router router = load_router(path);
  if (!is_learned_policy(router.info.policy)) {
    throw InputError(
        fmt::format("{}: unknown policy '{}' in the router", path.string(), router.info.policy));
  }
  check_slm(path.string(), router.info.slm, slm);
  if (router.info.n_embd != slm.n_embd()) {
    throw InputError(fmt::format("{}: the router reads {} values of a hidden state, {} has {}",
                                 path.string(), router.info.n_embd, slm.options().path,
                                 slm.n_embd()));
  }
  return router;
}

std::shared_ptr<const RoutingPolicy> load_learned_policy(const std::filesystem::path& path,
                                                         const Model& slm) {
  return make_learned_policy(load_router_for(path, slm), slm);
}

ModelIdentity identity_of(const Model& model) {
  return {model.name(), model_fingerprint(model.options())};
}

}  // namespace citer
