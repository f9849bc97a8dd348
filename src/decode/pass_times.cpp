#include "decode/pass_times.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace citer {

namespace {

/// Above the sizes that are told apart each step is so many times the one before.
constexpr double kStep = 1.25;

}  // namespace

void PassTimes::Size::saw(double n, double s) {
  positions[seen % kKept] = n;
  seconds[seen % kKept] = s;
  ++seen;
  const auto kept = static_cast<std::ptrdiff_t>(std::min(seen, kKept));
  mean_positions =
      std::accumulate(positions.begin(), positions.begin() + kept, 0.0) / static_cast<double>(kept);
  std::array<double, kKept> sorted = seconds;
  std::sort(sorted.begin(), sorted.begin() + kept);
  // Of two the lower one: a first pass is slow, and stalls make none faster.
  median_seconds = sorted[static_cast<std::size_t>((kept - 1) / 2)];
}

std::size_t PassTimes::size_of(int positions) {
  const auto n = static_cast<std::size_t>(std::max(1, positions));
  if (n <= kExact) return n - 1;
  const double steps = std::log(static_cast<double>(n) / (kExact + 1)) / std::log(kStep);
  return std::min(kSizes - 1, kExact + static_cast<std::size_t>(steps));
}

void PassTimes::saw(int positions, double seconds) {
  sizes_[size_of(positions)].saw(positions, seconds);
  ++passes_;
}

double PassTimes::at(double positions) const {
  const auto is_seen = [](const Size& size) { return size.seen > 0; };
  const auto smallest = std::find_if(sizes_.begin(), sizes_.end(), is_seen);
  if (smallest == sizes_.end()) return 0.0;
  const auto largest = std::find_if(sizes_.rbegin(), sizes_.rend(), is_seen);
  if (positions < smallest->mean_positions) return beyond(positions, *smallest, *largest);
  if (positions >= largest->mean_positions) return beyond(positions, *largest, *smallest);
  const auto above = std::find_if(smallest, sizes_.end(), [&](const Size& size) {
    return is_seen(size) && size.mean_positions > positions;
  });
  auto below = above - 1;
  while (!is_seen(*below)) --below;
  const double part =
      (positions - below->mean_positions) / (above->mean_positions - below->mean_positions);
  return std::lerp(below->median_seconds, above->median_seconds, part);
}

double PassTimes::beyond(double positions, const Size& near, const Size& far) {
  const double flat = near.median_seconds;
  const double proportional = flat * positions / near.mean_positions;
  if (&near == &far) return std::sqrt(flat * proportional);
  const double slope = (far.median_seconds - flat) / (far.mean_positions - near.mean_positions);
  const auto [least, most] = std::minmax(flat, proportional);
  return std::clamp(flat + slope * (positions - near.mean_positions), least, most);
}

double PassTimes::long_token() const {
  const auto largest =
      std::find_if(sizes_.rbegin(), sizes_.rend(), [](const Size& size) { return size.seen > 0; });
  return largest == sizes_.rend() ? 0.0 : largest->median_seconds / largest->mean_positions;
}

void PassTimes::scale(double factor) {
  for (Size& size : sizes_) {
    for (double& seconds : size.seconds) seconds *= factor;
    size.median_seconds *= factor;
  }
}

}  // namespace citer
