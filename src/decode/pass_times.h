#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace citer {

/// How long a model's passes take by the number of tokens they read, learned from those it makes.
/// Sizes 1 to 8 are told apart, larger ones in steps of a quarter; of each the median of the last
/// passes counts, so that a stalled one does no harm, and times need not rise with size: kernels
/// work in tiles. Between sizes that were seen times are interpolated. Not thread-safe.
class PassTimes {
 public:
  void saw(int positions, double seconds);

  /// Whether enough passes were seen for decisions.
  bool is_known() const { return passes_ >= kEnough; }
  /// Seconds of a pass over so many tokens, 0 while nothing is known. Beyond what was seen along
  /// the line through the sizes seen, between no growth (passes bound by reading the weights) and
  /// growth with the size (bound by arithmetic); in their geometric mean while one size is known.
  double at(double positions) const;
  /// Seconds per token in passes of the largest size seen.
  double long_token() const;
  /// How often passes of up to so many positions were seen.
  std::int64_t passes() const { return passes_; }

  /// From now on passes take so many times as long: after a change of threads.
  void scale(double factor);

 private:
  static constexpr std::int64_t kEnough = 4;
  static constexpr std::size_t kExact = 8;
  static constexpr std::size_t kSizes = kExact + 32;
  static constexpr std::size_t kKept = 7;

  /// The last passes of about one size.
  struct Size {
    std::array<double, kKept> positions{};
    std::array<double, kKept> seconds{};
    std::size_t seen = 0;
    double mean_positions = 0.0;
    double median_seconds = 0.0;

    void saw(double n, double s);
  };

  static std::size_t size_of(int positions);
  static double beyond(double positions, const Size& near, const Size& far);

  std::array<Size, kSizes> sizes_{};
  std::int64_t passes_ = 0;
};

}  // namespace citer
