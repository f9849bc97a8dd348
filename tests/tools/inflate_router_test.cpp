// A router for an inflated SLM gives the scores of the old one.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "citer/error.h"
#include "inflate/router.h"
#include "route/router_runner.h"
#include "support/error_text.h"

namespace citer {
namespace {

Router random_router(RouterFeatures features) {
  Rng rng(3);
  Router router;
  router.info.n_embd = 4;
  router.info.features = features;
  const int n_in = feature_count(features, 4);
  for (const auto& [in, out] : {std::pair{n_in, 8}, std::pair{8, 4}, std::pair{4, 1}}) {
    DenseLayer layer{in, out, {}, {}};
    for (int i = 0; i < in * out; ++i) {
      layer.weight.push_back(static_cast<float>(2 * rng.unit() - 1));
    }
    for (int i = 0; i < out; ++i) layer.bias.push_back(static_cast<float>(rng.unit()));
    router.mlp.push_back(std::move(layer));
  }
  return router;
}

TEST(InflateRouter, SameScoresAtTheWidthOfALargerModel) {
  for (const RouterFeatures f : {RouterFeatures::kHidden, RouterFeatures::kHiddenConfidence}) {
    const Router router = random_router(f);
    const Router large = inflate::inflate_router(router, {"large", 9}, 12);
    EXPECT_EQ(large.info.n_embd, 12);
    EXPECT_EQ(large.info.slm.fingerprint, 9U);
    EXPECT_EQ(large.mlp[0].n_out, 24);
    EXPECT_EQ(large.mlp[1].n_out, 12);
    std::vector<float> input(static_cast<std::size_t>(router.mlp[0].n_in));
    for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i) / 7.0F - 0.5F;
    std::vector<float> longer = input;
    longer.insert(longer.begin() + 4, 8, 0.0F);  // the inflated hidden state ends in zeros
    float expected = 0.0F;
    float found = 1.0F;
    RouterRunner(router.mlp, RouterWeights::kF32, "", 1).run(input, {&expected, 1});
    RouterRunner(large.mlp, RouterWeights::kF32, "", 1).run(longer, {&found, 1});
    EXPECT_NEAR(found, expected, 1e-5);
  }
}

TEST(InflateRouter, NarrowerIsRefused) {
  const std::string text = test::error_text<UsageError>([] {
    inflate::inflate_router(random_router(RouterFeatures::kHidden), {"small", 1}, 3);
  });
  EXPECT_NE(text.find("'small' has 3"), std::string::npos);
}

}  // namespace
}  // namespace citer
