// The trainer's gradients against central differences of its own loss (llm.c's test_gpt2.c does the
// like), and its optimiser against what Newton-Schulz must give.

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/rng.h"
#include "gemm.h"
#include "network.h"
#include "optimizer.h"
#include "shape.h"

namespace citer::demo {
namespace {

Shape tiny_shape() {
  Shape shape;
  shape.vocab = 23;
  shape.embed = 16;
  shape.layers = 2;
  shape.heads = 2;
  shape.ff = 20;
  shape.context = 32;
  return shape;
}

/// Three documents of different lengths, some positions untaught, some targets not the next input.
std::vector<Sequence> tiny_documents(const Shape& shape) {
  Rng rng(3);
  std::vector<Sequence> documents;
  for (int length : {5, 11, 8}) {
    Sequence document;
    for (int i = 0; i < length; ++i) {
      document.input.push_back(static_cast<int>(rng.uniform(0, shape.vocab - 1)));
      document.target.push_back(static_cast<int>(rng.uniform(0, shape.vocab - 1)));
      document.mask.push_back(rng.uniform(0, 2) > 0 ? 1 : 0);
    }
    documents.push_back(document);
  }
  return documents;
}

class GradientTest : public ::testing::Test {
 protected:
  Shape shape_ = tiny_shape();
  Layout layout_{shape_};
  Network network_{shape_, layout_};
  std::vector<Sequence> documents_ = tiny_documents(shape_);
  std::vector<float> weights_ = [this] {
    std::vector<float> weights = initial_weights(shape_, layout_, 7);
    Rng rng(8);  // large enough that every path carries some of the gradient
    for (float& w : weights) w += static_cast<float>(0.3 * (rng.unit() - 0.5));
    return weights;
  }();

  double loss() { return network_.run(weights_.data(), documents_, 1.0F, nullptr).sum; }
};

TEST_F(GradientTest, MatchesCentralDifferences) {
  std::vector<float> gradient(layout_.size());
  network_.run(weights_.data(), documents_, 1.0F, gradient.data());
  constexpr float kStep = 1e-2F;
  for (const Tensor& tensor : layout_.tensors()) {
    double error = 0;
    double norm = 0;
    Rng rng(tensor.offset);
    for (int k = 0; k < 40; ++k) {
      const std::size_t i = tensor.offset + static_cast<std::size_t>(rng.uniform(
                                                0, static_cast<std::int64_t>(tensor.size()) - 1));
      const float kept = weights_[i];
      weights_[i] = kept + kStep;
      const double above = loss();
      weights_[i] = kept - kStep;
      const double below = loss();
      weights_[i] = kept;
      const double numeric = (above - below) / (2.0 * kStep);
      error += (numeric - gradient[i]) * (numeric - gradient[i]);
      norm += numeric * numeric;
    }
    EXPECT_GT(norm, 0) << tensor.name;
    EXPECT_LT(std::sqrt(error), 0.01 * std::sqrt(norm) + 1e-3) << tensor.name;
  }
}

TEST_F(GradientTest, GradientsAddUpOverDocuments) {
  std::vector<float> together(layout_.size());
  std::vector<float> apart(layout_.size());
  network_.run(weights_.data(), documents_, 0.5F, together.data());
  for (const Sequence& document : documents_) {
    network_.run(weights_.data(), {&document, 1}, 0.5F, apart.data());
  }
  for (std::size_t i = 0; i < together.size(); ++i) EXPECT_NEAR(together[i], apart[i], 1e-4) << i;
}

TEST_F(GradientTest, DocumentsDoNotSeeEachOther) {
  const double together = loss();
  double apart = 0;
  for (const Sequence& document : documents_) {
    apart += network_.run(weights_.data(), {&document, 1}, 1.0F, nullptr).sum;
  }
  EXPECT_NEAR(together, apart, 1e-3);
}

TEST(GemmTest, MatchesPlainLoopsInEveryOrientation) {
  Rng rng(1);
  for (const auto& [m, n, k] : {std::array{1, 1, 1}, {13, 37, 5}, {250, 33, 300}, {12, 530, 257}}) {
    std::vector<float> a(static_cast<std::size_t>(m * k));
    std::vector<float> b(static_cast<std::size_t>(k * n));
    for (float& x : a) x = static_cast<float>(rng.unit() - 0.5);
    for (float& x : b) x = static_cast<float>(rng.unit() - 0.5);
    for (int turned = 0; turned < 4; ++turned) {
      const MatrixView va = (turned & 1) != 0 ? columns(a.data(), m) : rows(a.data(), k);
      const MatrixView vb = (turned & 2) != 0 ? columns(b.data(), k) : rows(b.data(), n);
      std::vector<float> c(static_cast<std::size_t>(m * n), 1.0F);
      gemm(m, n, k, va, vb, c.data(), n, Into::kAdd);
      for (int i = 0; i < m; i += 7) {
        for (int j = 0; j < n; j += 5) {
          double sum = 1;
          for (int p = 0; p < k; ++p) {
            sum += static_cast<double>(va.data[i * va.row + p * va.column]) *
                   vb.data[p * vb.row + j * vb.column];
          }
          ASSERT_NEAR(c[static_cast<std::size_t>(i * n + j)], sum, 1e-4)
              << m << "x" << n << "x" << k;
        }
      }
    }
  }
}

TEST(KernelTest, FastExpIsClose) {
  for (double x = -87; x < 88; x += 0.0137) {
    const double exact = std::exp(static_cast<double>(static_cast<float>(x)));
    EXPECT_NEAR(fast_exp(static_cast<float>(x)) / exact, 1.0, 3e-6) << x;
  }
}

TEST(OptimizerTest, OrthogonalizeBringsSingularValuesNearOne) {
  Rng rng(2);
  for (const auto& [rows_n, columns_n] : {std::pair{24, 40}, {40, 24}, {16, 16}}) {
    std::vector<float> x(static_cast<std::size_t>(rows_n * columns_n));
    for (float& value : x) value = static_cast<float>(rng.unit() - 0.5);
    orthogonalize(x.data(), rows_n, columns_n);
    // The squared Frobenius norm is the sum of squared singular values; Muon's coefficients bring
    // each into about [0.7, 1.2].
    double squares = 0;
    for (float value : x) squares += static_cast<double>(value) * value;
    const double mean = squares / std::min(rows_n, columns_n);
    EXPECT_GT(mean, 0.4);
    EXPECT_LT(mean, 1.5);
  }
}

TEST(OptimizerTest, LowersTheLoss) {
  const Shape shape = tiny_shape();
  const Layout layout(shape);
  Network network(shape, layout);
  const auto documents = tiny_documents(shape);
  std::vector<float> weights = initial_weights(shape, layout, 1);
  std::vector<float> gradient(layout.size());
  Optimizer optimizer(layout, {});
  const double before = network.run(weights.data(), documents, 0.1F, nullptr).sum;
  for (long step = 1; step <= 60; ++step) {
    network.run(weights.data(), documents, 0.1F, gradient.data());
    optimizer.update(step, 1.0F, weights, gradient, 1,
                     [](const std::function<void(int)>& task) { task(0); });
  }
  EXPECT_LT(network.run(weights.data(), documents, 0.1F, nullptr).sum, 0.5 * before);
}

}  // namespace
}  // namespace citer::demo
