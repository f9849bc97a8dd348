#include "optimizer.h"

#include <algorithm>
#include <cmath>

#include "gemm.h"

namespace citer::demo {
namespace {

std::size_t index(int row, int width, int column) {
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(width) +
         static_cast<std::size_t>(column);
}

bool uses_muon(const Tensor& tensor) { return tensor.in_block && tensor.rows > 0; }

}  // namespace

void orthogonalize(float* matrix, int rows_in, int columns_in) {
  // X of the wide form [m, n], m <= n.
  const bool tall = rows_in > columns_in;
  const int m = std::min(rows_in, columns_in);
  const int n = std::max(rows_in, columns_in);
  const std::size_t size = static_cast<std::size_t>(m) * static_cast<std::size_t>(n);
  const std::size_t square = static_cast<std::size_t>(m) * static_cast<std::size_t>(m);
  static thread_local std::vector<float> x, next, gram, poly;
  x.resize(size), next.resize(size), gram.resize(square), poly.resize(square);

  double squares = 0;
  for (std::size_t i = 0; i < size; ++i) squares += static_cast<double>(matrix[i]) * matrix[i];
  const auto inverse = static_cast<float>(1 / (std::sqrt(squares) + 1e-7));
  const auto at = [&](int i, int j) -> float& {
    return tall ? matrix[static_cast<std::ptrdiff_t>(j) * m + i]
                : matrix[static_cast<std::ptrdiff_t>(i) * n + j];
  };
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) x[index(i, n, j)] = inverse * at(i, j);
  }
  for (int iteration = 0; iteration < 5; ++iteration) {
    gemm(m, m, n, rows(x.data(), n), columns(x.data(), n), gram.data(), m, Into::kReplace);
    gemm(m, m, m, rows(gram.data(), m), rows(gram.data(), m), poly.data(), m, Into::kReplace);
    for (std::size_t i = 0; i < square; ++i) poly[i] = -4.7750F * gram[i] + 2.0315F * poly[i];
    for (int i = 0; i < m; ++i) poly[index(i, m, i)] += 3.4445F;
    gemm(m, n, m, rows(poly.data(), m), rows(x.data(), n), next.data(), n, Into::kReplace);
    std::swap(x, next);
  }
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) at(i, j) = x[index(i, n, j)];
  }
}

Optimizer::Optimizer(const Layout& layout, const OptimizerOptions& options)
    : layout_(layout), options_(options), first_(layout.size()), second_(layout.size()) {}

void Optimizer::adam(const Tensor& tensor, long step, float rate, float clip, float* weights,
                     float* gradient) {
  const float beta1 = options_.beta1;
  const float beta2 = options_.beta2;
  const float unbias1 = 1 / (1 - std::pow(beta1, static_cast<float>(step)));
  const float unbias2 = 1 / (1 - std::pow(beta2, static_cast<float>(step)));
  for (std::size_t i = tensor.offset; i < tensor.offset + tensor.size(); ++i) {
    const float g = gradient[i] * clip;
    first_[i] = beta1 * first_[i] + (1 - beta1) * g;
    second_[i] = beta2 * second_[i] + (1 - beta2) * g * g;
    weights[i] -= rate * (first_[i] * unbias1) / (std::sqrt(second_[i] * unbias2) + 1e-9F);
    gradient[i] = 0;
  }
}

void Optimizer::muon(const Tensor& tensor, float rate, float* weights, float* gradient) {
  float* g = gradient + tensor.offset;
  float* v = first_.data() + tensor.offset;
  for (std::size_t i = 0; i < tensor.size(); ++i) {  // Nesterov
    v[i] = options_.momentum * v[i] + g[i];
    g[i] += options_.momentum * v[i];
  }
  orthogonalize(g, tensor.rows, tensor.columns);
  const float aspect = static_cast<float>(tensor.rows) / static_cast<float>(tensor.columns);
  const float step = rate * std::sqrt(std::max(1.0F, aspect));
  for (std::size_t i = 0; i < tensor.size(); ++i) {
    weights[tensor.offset + i] -= step * g[i];
    g[i] = 0;
  }
}

void Optimizer::update(long step, float factor, std::vector<float>& weights,
                       std::vector<float>& gradient, int threads, const Parallel& parallel) {
  double squares = 0;
  for (const Tensor& tensor : layout_.tensors()) {
    if (uses_muon(tensor)) continue;
    for (std::size_t i = tensor.offset; i < tensor.offset + tensor.size(); ++i) {
      squares += static_cast<double>(gradient[i]) * gradient[i];
    }
  }
  const auto norm = static_cast<float>(std::sqrt(squares));
  const float clip = norm > options_.clip ? options_.clip / norm : 1.0F;
  parallel([&](int thread) {
    const auto& tensors = layout_.tensors();
    for (auto k = static_cast<std::size_t>(thread); k < tensors.size();
         k += static_cast<std::size_t>(threads)) {
      if (uses_muon(tensors[k])) {
        muon(tensors[k], options_.muon_rate * factor, weights.data(), gradient.data());
      } else {
        adam(tensors[k], step, options_.adam_rate * factor, clip, weights.data(), gradient.data());
      }
    }
  });
}

}  // namespace citer::demo
