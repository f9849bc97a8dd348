#include "model/row_reader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

namespace citer {

namespace {

/// Registers of so many numbers.
template <std::size_t kLanes>
struct Lanes {
  using Floats [[gnu::vector_size(kLanes * sizeof(float))]] = float;
  using Ints [[gnu::vector_size(kLanes * sizeof(float))]] = std::int32_t;
};
template <std::size_t kLanes>
using Floats = typename Lanes<kLanes>::Floats;
template <std::size_t kLanes>
using Ints = typename Lanes<kLanes>::Ints;

constexpr std::size_t kBlock = 128;
/// Below the largest logit by more, a token adds nothing to the sums (of 64-bit numbers).
constexpr float kNegligible = 60.0F;

struct Sums {
  double z = 0.0;         ///< sum e^x, x = logit - largest
  double weighted = 0.0;  ///< sum x e^x
};

// Vectors go by reference: by value they would be passed in registers that not every CPU has.

template <std::size_t kLanes>
[[gnu::always_inline]] inline void find_largest(const float* block, float& largest) {
  Floats<kLanes> top = Floats<kLanes>{} - INFINITY;
  for (std::size_t i = 0; i < kBlock; i += kLanes) {
    Floats<kLanes> v;
    std::memcpy(&v, block + i, sizeof v);
    top = v > top ? v : top;  // false of what is not a number
  }
  largest = top[0];
  for (std::size_t i = 1; i < kLanes; ++i) largest = top[i] > largest ? top[i] : largest;
}

/// e^x for x in [-87, 0], within 2e-7 of it: 2^k e^r with |r| <= ln(2) / 2, e^r by its series.
template <std::size_t kLanes>
[[gnu::always_inline]] inline void exponential(const Floats<kLanes>& x, Floats<kLanes>& result) {
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  // The nearest whole number: towards 0 from half below.
  const Ints<kLanes> k = __builtin_convertvector(x * kLog2E - 0.5F, Ints<kLanes>);
  const Floats<kLanes> n = __builtin_convertvector(k, Floats<kLanes>);
  const Floats<kLanes> r = (x - n * kLn2High) - n * kLn2Low;
  Floats<kLanes> p = r * (1.0F / 5040.0F) + 1.0F / 720.0F;
  for (const float c : {1.0F / 120.0F, 1.0F / 24.0F, 1.0F / 6.0F, 0.5F, 1.0F, 1.0F}) p = p * r + c;
  const Ints<kLanes> bits = (k + 127) << 23;
  Floats<kLanes> power;
  std::memcpy(&power, &bits, sizeof power);
  result = p * power;
}

template <std::size_t kLanes>
[[gnu::always_inline]] inline void add_exponentials(const float* block, float largest, Sums& sums) {
  constexpr float kLeast = -87.0F;  // e^-87 is the least that is a normal number
  Floats<kLanes> z{};
  Floats<kLanes> weighted{};
  for (std::size_t i = 0; i < kBlock; i += kLanes) {
    Floats<kLanes> x;
    std::memcpy(&x, block + i, sizeof x);
    x -= largest;
    x = x > kLeast ? x : Floats<kLanes>{} + kLeast;
    Floats<kLanes> e;
    exponential<kLanes>(x, e);
    z += e;
    weighted += x * e;
  }
  for (std::size_t i = 0; i < kLanes; ++i) {
    sums.z += z[i];
    sums.weighted += weighted[i];
  }
}

/// The largest value of each block of a row.
template <std::size_t kLanes>
[[gnu::always_inline]] inline void find_all_largest(const float* row, std::size_t blocks,
                                                    float* largest) {
  for (std::size_t b = 0; b < blocks; ++b) find_largest<kLanes>(row + b * kBlock, largest[b]);
}

/// Adds the blocks of a row, whose largest values are known, and `top` is the largest of all.
template <std::size_t kLanes>
[[gnu::always_inline]] inline void add_all(const float* row, std::size_t blocks,
                                           const float* largest, float top, Sums& sums) {
  for (std::size_t b = 0; b < blocks; ++b) {
    if (largest[b] >= top - kNegligible) add_exponentials<kLanes>(row + b * kBlock, top, sums);
  }
}

struct Kernels {
  void (*find_all_largest)(const float* row, std::size_t blocks, float* largest);
  void (*add_all)(const float* row, std::size_t blocks, const float* largest, float top,
                  Sums& sums);
};

constexpr Kernels kPlain = {find_all_largest<4>, add_all<4>};

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] void find_avx2(const float* row, std::size_t blocks, float* largest) {
  find_all_largest<8>(row, blocks, largest);
}
[[gnu::target("avx2,fma")]] void add_avx2(const float* row, std::size_t blocks,
                                          const float* largest, float top, Sums& sums) {
  add_all<8>(row, blocks, largest, top, sums);
}
[[gnu::target("avx512f")]] void find_avx512(const float* row, std::size_t blocks, float* largest) {
  find_all_largest<16>(row, blocks, largest);
}
[[gnu::target("avx512f")]] void add_avx512(const float* row, std::size_t blocks,
                                           const float* largest, float top, Sums& sums) {
  add_all<16>(row, blocks, largest, top, sums);
}
#endif

Kernels kernels_of_this_cpu() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") != 0) return {find_avx512, add_avx512};
  if (__builtin_cpu_supports("avx2") != 0) return {find_avx2, add_avx2};
#endif
  return kPlain;
}

const Kernels& kernels() {
  static const Kernels kKernels = kernels_of_this_cpu();
  return kKernels;
}

}  // namespace

RowStats RowReader::read(std::span<const float> logits, bool sums,
                         std::span<TokenLogit> likeliest) {
  RowStats stats{.n_vocab = logits.size()};
  const std::size_t whole = logits.size() / kBlock;
  const auto rest = logits.subspan(whole * kBlock);
  std::array<float, kBlock> last;  // filled up with what adds nothing
  std::fill(std::copy(rest.begin(), rest.end(), last.begin()), last.end(), -INFINITY);
  const std::size_t lasts = rest.empty() ? 0 : 1;
  largest_.resize(whole + lasts);
  kernels().find_all_largest(logits.data(), whole, largest_.data());
  kernels().find_all_largest(last.data(), lasts, largest_.data() + whole);
  stats.likeliest = list(logits, likeliest);
  if (!sums || stats.likeliest.empty()) return stats;
  const float top = stats.likeliest.front().logit;
  Sums found;
  kernels().add_all(logits.data(), whole, largest_.data(), top, found);
  kernels().add_all(last.data(), lasts, largest_.data() + whole, top, found);
  stats.log_sum = std::log(found.z);
  stats.entropy = stats.log_sum - found.weighted / found.z;
  return stats;
}

/// As many blocks as tokens are sought have one that is no less than the least of those blocks'
/// largest values: no token below it can be among them.
std::span<const TokenLogit> RowReader::list(std::span<const float> logits,
                                            std::span<TokenLogit> likeliest) {
  float least = -INFINITY;
  if (largest_.size() > likeliest.size()) {
    order_ = largest_;
    const auto nth = order_.begin() + static_cast<std::ptrdiff_t>(likeliest.size()) - 1;
    std::nth_element(order_.begin(), nth, order_.end(), std::greater<>());
    least = *nth;
  }
  candidates_.clear();
  for (std::size_t b = 0; b < largest_.size(); ++b) {
    if (largest_[b] < least) continue;
    const std::size_t end = std::min(logits.size(), (b + 1) * kBlock);
    for (std::size_t i = b * kBlock; i < end; ++i) {
      if (logits[i] >= least) candidates_.push_back({static_cast<Token>(i), logits[i]});
    }
  }
  const auto end =
      std::partial_sort_copy(candidates_.begin(), candidates_.end(), likeliest.begin(),
                             likeliest.end(), [](const TokenLogit& a, const TokenLogit& b) {
                               return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
                             });
  return likeliest.first(static_cast<std::size_t>(end - likeliest.begin()));
}

}  // namespace citer
