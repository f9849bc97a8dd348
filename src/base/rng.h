#pragma once

#include <cstdint>
#include <string_view>

namespace citer {

/// Mixes 64 bits so that every input bit moves every output bit (splitmix64's finaliser; Steele,
/// Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
constexpr std::uint64_t mix64(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/// Hash of bytes (FNV-1a, then mixed): the same on every machine.
constexpr std::uint64_t hash64(std::string_view bytes) {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (char c : bytes) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return mix64(h);
}

/// 64 random bits with an address instead of a state: the same (seed, stream, index) always gives
/// the same bits, whoever asks and whenever.
constexpr std::uint64_t random_at(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  constexpr std::uint64_t kGamma = 0x9e3779b97f4a7c15ULL;
  return mix64(mix64(mix64(seed + kGamma) + stream * kGamma) + index * kGamma);
}

/// Uniform double in (0, 1), never 0 or 1, from 64 random bits.
constexpr double to_unit(std::uint64_t bits) {
  return (static_cast<double>(bits >> 11) + 0.5) * 0x1.0p-53;
}

/// Sequence of random numbers (splitmix64), portable between standard libraries. For data
/// generation and shuffling; token draws use random_at().
class Rng {
 public:
  using result_type = std::uint64_t;
  explicit constexpr Rng(std::uint64_t seed) : state_(seed) {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  constexpr result_type operator()() { return mix64(state_ += 0x9e3779b97f4a7c15ULL); }

  /// Uniform integer in [low, high]; the modulo bias is below 2^-32 for ranges below 2^32.
  constexpr std::int64_t uniform(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>((*this)() % static_cast<std::uint64_t>(high - low + 1));
  }
  /// Uniform double in (0, 1).
  constexpr double unit() { return to_unit((*this)()); }

 private:
  std::uint64_t state_;
};

}  // namespace citer
