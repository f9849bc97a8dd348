#include "grammar/token_trie.h"

#include <algorithm>
#include <numeric>

namespace citer {

TokenTrie::TokenTrie(std::span<const std::string> pieces) : vocab_size_(pieces.size()) {
  const auto piece = [&](std::int32_t token) -> const std::string& {
    return pieces[static_cast<std::size_t>(token)];
  };
  tokens_.resize(pieces.size());
  std::iota(tokens_.begin(), tokens_.end(), 0);
  std::erase_if(tokens_, [&](std::int32_t token) { return piece(token).empty(); });
  std::sort(tokens_.begin(), tokens_.end(),
            [&](std::int32_t a, std::int32_t b) { return piece(a) < piece(b); });
  std::vector<std::size_t> path;  // the nodes of the text before
  const auto leave = [&](std::size_t depth) {
    for (; path.size() > depth; path.pop_back()) {
      nodes_[path.back()].end = static_cast<std::uint32_t>(nodes_.size());
    }
  };
  std::string before;
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const std::string& text = piece(tokens_[i]);
    const auto parts = std::mismatch(text.begin(), text.end(), before.begin(), before.end()).first;
    leave(static_cast<std::size_t>(parts - text.begin()));
    while (path.size() < text.size()) {
      const auto depth = static_cast<std::uint32_t>(path.size());
      path.push_back(nodes_.size());
      nodes_.push_back(
          {0, depth, static_cast<std::uint32_t>(i), static_cast<std::uint8_t>(text[depth])});
    }
    before = text;
    longest_ = std::max(longest_, text.size());
  }
  leave(0);
}

std::span<const std::int32_t> TokenTrie::tokens_of(std::size_t node) const {
  const std::size_t end = node + 1 < nodes_.size() ? nodes_[node + 1].first : tokens_.size();
  return std::span(tokens_).subspan(nodes_[node].first, end - nodes_[node].first);
}

}  // namespace citer
