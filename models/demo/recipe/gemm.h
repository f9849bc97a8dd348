#pragma once

#include <cstddef>

namespace citer::demo {

/// A matrix to read: element (i, j) is data[i * row + j * column]; a transposed view swaps the two
/// strides.
struct MatrixView {
  const float* data;
  std::ptrdiff_t row;
  std::ptrdiff_t column;
};

inline MatrixView rows(const float* data, std::ptrdiff_t stride) { return {data, stride, 1}; }
inline MatrixView columns(const float* data, std::ptrdiff_t stride) { return {data, 1, stride}; }

enum class Into { kReplace, kAdd };

/// C[m, n] (rows `stride` apart) = or += A[m, k] * B[k, n]. Thread-safe: each thread packs into its
/// own buffers.
void gemm(int m, int n, int k, MatrixView a, MatrixView b, float* c, std::ptrdiff_t stride,
          Into into);

}  // namespace citer::demo
