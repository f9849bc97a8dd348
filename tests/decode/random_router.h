#pragma once

#include <cmath>
#include <memory>
#include <string>

#include "base/rng.h"
#include "route/learned_policy.h"

namespace citer::test {

/// A learned policy over a model whose router has random weights: its scores are spread over
/// (0, 1).
inline std::shared_ptr<const RoutingPolicy> random_learned_policy(const std::string& name,
                                                                  const Model& slm,
                                                                  std::uint64_t seed = 1) {
  Rng rng(seed);
  Router router;
  router.info.policy = name;
  router.info.n_embd = slm.n_embd();
  int n_in = slm.n_embd();
  for (const int n_out : {2 * slm.n_embd(), slm.n_embd(), 1}) {
    DenseLayer layer{n_in, n_out, {}, std::vector<float>(static_cast<std::size_t>(n_out))};
    for (int i = 0; i < n_in * n_out; ++i) {
      layer.weight.push_back(static_cast<float>(4 * (rng.unit() - 0.5) / std::sqrt(n_in)));
    }
    router.mlp.push_back(std::move(layer));
    n_in = n_out;
  }
  return make_learned_policy(std::move(router), slm);
}

}  // namespace citer::test
