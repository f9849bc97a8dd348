#pragma once

#include <array>
#include <cstddef>

namespace citer {

/// Number of CPU threads of a model's passes, by what they take: ggml's threads wait for each other
/// at every operation, and where another program has one of their cores fewer are much faster.
/// Now and then a pass is made with half or twice as many; where two in a row are clearly faster,
/// that number is used from then on. Rarer and rarer as long as none is, at once when passes have
/// become slower. Not thread-safe.
class ThreadTuner {
 public:
  /// From 1 to `most`, halved; the most at first. 0 or 1: nothing to choose from.
  explicit ThreadTuner(int most) : most_(most), chosen_(most) {}

  /// Threads of the next pass, if it is a short one, and of long ones, with which nothing is tried.
  int threads() const { return trial_ > 0 ? trial_ : chosen_; }
  int chosen() const { return chosen_; }

  /// Another number has made another model's passes faster: it is to be tried soon for this one's.
  void try_soon();

  struct Verdict {
    bool counts = true;   ///< whether the pass is one with the chosen number of threads
    bool is_new = false;  ///< whether that number was chosen just now
    double scale = 1.0;   ///< passes take so many times as long from now on
  };
  /// A pass with threads() took `seconds` where `expected` is what one like it took so far with the
  /// chosen number; 0: not known.
  Verdict saw(double seconds, double expected);

 private:
  static constexpr int kSoonest = 8;

  void watch(double beside);
  void begin_trial();
  double pace() const;

  int most_;
  int chosen_;
  int trial_ = 0;    ///< threads that are tried; 0: none
  int faster_ = 0;   ///< passes of the trial that were
  bool up_ = false;  ///< whether the last trial was of more threads
  int slow_ = 0;     ///< passes more that were slow than were not
  int interval_ = kSoonest;
  int until_trial_ = kSoonest;
  /// What the last passes took beside what was expected.
  std::array<double, 3> paces_{1.0, 1.0, 1.0};
  std::size_t seen_ = 0;
};

}  // namespace citer
