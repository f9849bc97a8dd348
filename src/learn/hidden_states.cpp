#include "learn/hidden_states.h"

#include <ggml.h>

#include <algorithm>

namespace citer {

HiddenStates::HiddenStates(int width, std::span<const std::uint16_t> halves,
                           std::shared_ptr<const void> owner)
    : width_(width) {
  if (halves.empty()) return;
  blocks_.push_back({halves.size() / width_u(), halves, std::move(owner)});
}

void HiddenStates::append(std::span<const float> rows) {
  if (rows.empty()) return;
  if (own_.use_count() != 2) {  // a copy of this may look at it; the other user is the block
    own_ = std::make_shared<std::vector<std::uint16_t>>();
    blocks_.push_back({size(), {}, own_});
  }
  const std::size_t before = own_->size();
  own_->resize(before + rows.size());
  ggml_fp32_to_fp16_row(rows.data(), own_->data() + before, static_cast<std::int64_t>(rows.size()));
  blocks_.back().halves = *own_;
  blocks_.back().end += rows.size() / width_u();
}

void HiddenStates::append(const HiddenStates& other) {
  const std::size_t before = size();
  own_.reset();
  for (Block block : other.blocks_) {
    block.end += before;
    blocks_.push_back(std::move(block));
  }
}

void HiddenStates::read(std::size_t i, std::span<float> row) const {
  const auto block = std::upper_bound(blocks_.begin(), blocks_.end(), i,
                                      [](std::size_t at, const Block& b) { return at < b.end; });
  const std::size_t rows = block->halves.size() / width_u();
  const std::size_t place = i - (block->end - rows);
  ggml_fp16_to_fp32_row(block->halves.data() + place * width_u(), row.data(), width_);
}

std::vector<std::span<const std::uint8_t>> HiddenStates::bytes() const {
  std::vector<std::span<const std::uint8_t>> out;
  for (const Block& block : blocks_) {
    out.emplace_back(reinterpret_cast<const std::uint8_t*>(block.halves.data()),
                     block.halves.size_bytes());
  }
  return out;
}

}  // namespace citer
