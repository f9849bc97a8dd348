#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace citer {

/// Rows of hidden states, [width, n], in half precision (F16): some millions of them are gigabytes.
/// What was read from files stays there, mapped; copies share it.
class HiddenStates {
 public:
  explicit HiddenStates(int width = 0) : width_(width) {}
  /// Of rows that `owner` keeps.
  HiddenStates(int width, std::span<const std::uint16_t> halves, std::shared_ptr<const void> owner);

  int width() const { return width_; }
  std::size_t size() const { return blocks_.empty() ? 0 : blocks_.back().end; }

  /// Adds rows, rounded to half precision.
  void append(std::span<const float> rows);
  /// Adds another's rows without copying them. Its width must be the same.
  void append(const HiddenStates& other);

  /// Row `i` as floats, into [width].
  void read(std::size_t i, std::span<float> row) const;

  /// All rows' bytes, in order, as they lie.
  std::vector<std::span<const std::uint8_t>> bytes() const;

 private:
  struct Block {
    std::size_t end;  ///< rows of all blocks up to and with this one
    std::span<const std::uint16_t> halves;
    std::shared_ptr<const void> owner;
  };

  std::size_t width_u() const { return static_cast<std::size_t>(width_); }

  int width_;
  std::vector<Block> blocks_;
  std::shared_ptr<std::vector<std::uint16_t>>
      own_;  ///< what the last block lies in, if it may grow
};

}  // namespace citer
