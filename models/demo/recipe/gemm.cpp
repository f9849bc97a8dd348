#include "gemm.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

// Blocked product after Goto and van de Geijn, "Anatomy of high-performance matrix multiplication"
// (TOMS 2008): panels of A and B are packed so that the inner kernel reads them in order and keeps
// its tile of C in registers.

namespace citer::demo {
namespace {

#ifdef __AVX512F__
constexpr int kWidth = 16;  // floats per vector
constexpr int kTileRows = 12;
#else
constexpr int kWidth = 8;
constexpr int kTileRows = 6;
#endif
constexpr int kTileColumns = 2 * kWidth;
constexpr int kDepth = 256;  // of a packed panel
constexpr int kPanelRows = 20 * kTileRows;
constexpr int kPanelColumns = 512;

using Vector = float __attribute__((vector_size(kWidth * sizeof(float)), aligned(4), may_alias));

struct Buffers {
  std::vector<float> a = std::vector<float>(kPanelRows * kDepth + kWidth);
  std::vector<float> b = std::vector<float>(kDepth * kPanelColumns + kWidth);
};

float* aligned(std::vector<float>& buffer) {
  void* at = buffer.data();
  std::size_t space = buffer.size() * sizeof(float);
  return static_cast<float*>(std::align(kWidth * sizeof(float), 1, at, space));
}

/// One register tile: C[rows, columns] += A panel * B panel. Always computes the whole tile; the
/// panels are padded with zeros.
void multiply_tile(int depth, const float* __restrict a, const float* __restrict b,
                   float* __restrict c, std::ptrdiff_t stride, int rows, int columns) {
  Vector sum[kTileRows][2] = {};
  for (int p = 0; p < depth; ++p, a += kTileRows, b += kTileColumns) {
    const Vector b0 = *reinterpret_cast<const Vector*>(b);
    const Vector b1 = *reinterpret_cast<const Vector*>(b + kWidth);
#pragma GCC unroll 16
    for (int i = 0; i < kTileRows; ++i) {
      sum[i][0] += a[i] * b0;
      sum[i][1] += a[i] * b1;
    }
  }
  if (rows == kTileRows && columns == kTileColumns) {
#pragma GCC unroll 16
    for (int i = 0; i < kTileRows; ++i) {
      *reinterpret_cast<Vector*>(c + i * stride) += sum[i][0];
      *reinterpret_cast<Vector*>(c + i * stride + kWidth) += sum[i][1];
    }
    return;
  }
  float tile[kTileRows * kTileColumns];
#pragma GCC unroll 16
  for (int i = 0; i < kTileRows; ++i) {
    *reinterpret_cast<Vector*>(tile + i * kTileColumns) = sum[i][0];
    *reinterpret_cast<Vector*>(tile + i * kTileColumns + kWidth) = sum[i][1];
  }
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) c[i * stride + j] += tile[i * kTileColumns + j];
  }
}

/// Copies `count` lines of a matrix (`line` apart, elements `element` apart) into strips of `strip`
/// lines, element-major, padded with zeros.
void pack(int count, int depth, int strip, const float* source, std::ptrdiff_t line,
          std::ptrdiff_t element, float* out) {
  for (int first = 0; first < count;
       first += strip, out += static_cast<std::ptrdiff_t>(strip) * depth) {
    const int used = std::min(strip, count - first);
    const float* from = source + first * line;
    if (line == 1 && used == strip) {
      for (int p = 0; p < depth; ++p) {
        std::memcpy(out + p * strip, from + p * element,
                    static_cast<std::size_t>(strip) * sizeof(float));
      }
      continue;
    }
    for (int q = 0; q < strip; ++q) {
      for (int p = 0; p < depth; ++p) {
        out[p * strip + q] = q < used ? from[q * line + p * element] : 0.0F;
      }
    }
  }
}

}  // namespace

void gemm(int m, int n, int k, MatrixView a, MatrixView b, float* c, std::ptrdiff_t stride,
          Into into) {
  if (into == Into::kReplace) {
    for (int i = 0; i < m; ++i) std::fill_n(c + i * stride, n, 0.0F);
  }
  static thread_local Buffers buffers;
  float* packed_a = aligned(buffers.a);
  float* packed_b = aligned(buffers.b);
  for (int j0 = 0; j0 < n; j0 += kPanelColumns) {
    const int columns = std::min(kPanelColumns, n - j0);
    for (int p0 = 0; p0 < k; p0 += kDepth) {
      const int depth = std::min(kDepth, k - p0);
      pack(columns, depth, kTileColumns, b.data + p0 * b.row + j0 * b.column, b.column, b.row,
           packed_b);
      for (int i0 = 0; i0 < m; i0 += kPanelRows) {
        const int rows = std::min(kPanelRows, m - i0);
        pack(rows, depth, kTileRows, a.data + i0 * a.row + p0 * a.column, a.row, a.column,
             packed_a);
        for (int j = 0; j < columns; j += kTileColumns) {
          for (int i = 0; i < rows; i += kTileRows) {
            multiply_tile(depth, packed_a + i * depth, packed_b + j * depth,
                          c + (i0 + i) * stride + j0 + j, stride, std::min(kTileRows, rows - i),
                          std::min(kTileColumns, columns - j));
          }
        }
      }
    }
  }
}

}  // namespace citer::demo
