// The router's forward pass, loss and gradients against an independent computation in doubles.
#include "learn/mlp_trainer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "route/router_runner.h"

namespace citer {
namespace {

constexpr int kIn = 6;
constexpr std::size_t kRows = 5;

/// Plain forward and backward passes, one row at a time.
struct Reference {
  std::vector<std::vector<double>> weight, bias;  ///< gradients, by layer
  double loss = 0.0;
  std::vector<double> logits;

  explicit Reference(const RouterMlp& mlp) {
    for (const DenseLayer& l : mlp) {
      weight.emplace_back(l.weight.size());
      bias.emplace_back(l.bias.size());
    }
  }

  void add(const RouterMlp& mlp, std::span<const float> input, double slm, double llm,
           double factor) {
    std::vector<std::vector<double>> x = {{input.begin(), input.end()}};
    for (std::size_t l = 0; l < mlp.size(); ++l) {
      std::vector<double> y(mlp[l].bias.begin(), mlp[l].bias.end());
      for (std::size_t o = 0; o < y.size(); ++o) {
        for (std::size_t i = 0; i < x[l].size(); ++i) {
          y[o] += double{mlp[l].weight[o * x[l].size() + i]} * x[l][i];
        }
        if (l + 1 < mlp.size()) y[o] = std::max(0.0, y[o]);
      }
      x.push_back(std::move(y));
    }
    const double z = x.back()[0];
    logits.push_back(z);
    const double s = 1 / (1 + std::exp(-z));
    const double likelihood = s * slm + (1 - s) * llm;
    loss -= factor * std::log(likelihood);
    std::vector<double> grad = {-factor * (slm - llm) * s * (1 - s) / likelihood};
    for (std::size_t l = mlp.size(); l-- > 0;) {
      std::vector<double> below(x[l].size());
      for (std::size_t o = 0; o < grad.size(); ++o) {
        bias[l][o] += grad[o];
        for (std::size_t i = 0; i < below.size(); ++i) {
          weight[l][o * below.size() + i] += grad[o] * x[l][i];
          below[i] += grad[o] * double{mlp[l].weight[o * below.size() + i]};
        }
      }
      for (std::size_t i = 0; i < below.size(); ++i) {
        if (x[l][i] <= 0 && l > 0) below[i] = 0;  // ReLU
      }
      grad = std::move(below);
    }
  }
};

struct Rows {
  std::vector<float> inputs;
  std::vector<float> slm = {1, 0, 0.7F, 0.2F, 0.5F};
  std::vector<float> llm = {0, 1, 0.1F, 0.9F, 0.5F};
  std::vector<float> weight = {1, 3, 1, 0.5F, 1};

  Rows() {
    Rng rng(7);
    for (std::size_t i = 0; i < kRows * kIn; ++i) {
      inputs.push_back(static_cast<float>(2 * rng.unit() - 1));
    }
  }
  MlpBatch batch() const { return {inputs, slm, llm, weight}; }
};

MlpTrainerOptions options() {
  MlpTrainerOptions o;
  o.widths = {kIn, 12, 6, 1};
  o.batch = 8;  // more than the rows: three are missing
  o.dropout = 0.0;
  o.gradients_only = true;
  return o;
}

Reference reference(const RouterMlp& mlp, const Rows& rows, double batch) {
  Reference r(mlp);
  for (std::size_t i = 0; i < kRows; ++i) {
    r.add(mlp, std::span(rows.inputs).subspan(i * kIn, kIn), rows.slm[i], rows.llm[i],
          rows.weight[i] / batch);
  }
  return r;
}

TEST(MlpTrainer, LossAndEveryGradientAgreeWithAPlainComputation) {
  const Rows rows;
  MlpTrainer trainer(options());
  const RouterMlp mlp = trainer.mlp();
  const double loss = trainer.step(rows.batch());
  const Reference expected = reference(mlp, rows, 8);
  EXPECT_NEAR(loss, expected.loss, 1e-5);
  const RouterMlp gradients = trainer.gradients();
  for (std::size_t l = 0; l < mlp.size(); ++l) {
    double largest = 0.0;
    for (std::size_t i = 0; i < gradients[l].weight.size(); ++i) {
      EXPECT_NEAR(gradients[l].weight[i], expected.weight[l][i], 1e-5) << l << " " << i;
      largest = std::max(largest, std::abs(expected.weight[l][i]));
    }
    EXPECT_GT(largest, 1e-3) << "a layer without gradient proves nothing";
    for (std::size_t i = 0; i < gradients[l].bias.size(); ++i) {
      EXPECT_NEAR(gradients[l].bias[i], expected.bias[l][i], 1e-5) << l << " " << i;
    }
  }
}

TEST(MlpTrainer, RunnerAgreesWithAPlainForwardPass) {
  const Rows rows;
  MlpTrainer trainer(options());
  const RouterMlp mlp = trainer.mlp();
  const Reference expected = reference(mlp, rows, 8);
  for (const auto& [weights, tolerance] :
       {std::pair{RouterWeights::kF32, 1e-5}, std::pair{RouterWeights::kF16, 5e-3}}) {
    RouterRunner runner(mlp, weights, "", 1);
    std::vector<float> logits(kRows);
    runner.run(rows.inputs, logits);
    for (std::size_t i = 0; i < kRows; ++i) {
      EXPECT_NEAR(logits[i], expected.logits[i], tolerance);
      float alone = 0.0F;
      runner.run(std::span(rows.inputs).subspan(i * kIn, kIn), {&alone, 1});
      EXPECT_NEAR(alone, logits[i], 1e-5) << "a batch of one";
    }
  }
}

TEST(MlpTrainer, Q8WeightsAreCloseWhereTheShapeAllows) {
  MlpTrainerOptions o = options();
  o.widths = {32, 64, 32, 1};
  const RouterMlp mlp = MlpTrainer(o).mlp();
  std::vector<float> input(32, 0.5F);
  float exact = 0.0F;
  float rounded = 0.0F;
  RouterRunner(mlp, RouterWeights::kF32, "", 1).run(input, {&exact, 1});
  RouterRunner(mlp, RouterWeights::kQ80, "", 1).run(input, {&rounded, 1});
  EXPECT_NE(exact, rounded);
  EXPECT_NEAR(exact, rounded, 0.05);
}

TEST(MlpTrainer, StepsLowerTheLossAndRepeatForASeed) {
  const Rows rows;
  MlpTrainerOptions o = options();
  o.gradients_only = false;
  o.learning_rate = 0.01;
  o.dropout = 0.1;
  o.seed = 3;
  const auto train = [&] {
    MlpTrainer trainer(o);
    std::vector<double> losses;
    for (int i = 0; i < 200; ++i) losses.push_back(trainer.step(rows.batch()));
    return losses;
  };
  const std::vector<double> losses = train();
  // Rows 2 to 4 are mixtures: their loss cannot vanish.
  EXPECT_LT(losses.back(), 0.5 * losses.front());
  EXPECT_EQ(losses, train());
  o.seed = 4;
  EXPECT_NE(losses, train());
}

}  // namespace
}  // namespace citer
