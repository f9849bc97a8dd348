#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace citer {

/// The texts of a vocabulary's tokens as a tree of bytes. Immutable: one may be shared by all
/// answers and threads.
class TokenTrie {
 public:
  /// A byte behind those of its ancestors. Nodes come in the order of their texts.
  struct Node {
    std::uint32_t end;    ///< the first node that is no descendant
    std::uint32_t depth;  ///< ancestors
    std::uint32_t first;  ///< of its tokens; they end where the next node's begin
    std::uint8_t byte;
  };

  /// `pieces` [tokens]; an empty one is no token that may be written.
  explicit TokenTrie(std::span<const std::string> pieces);

  std::size_t vocab_size() const { return vocab_size_; }
  std::size_t longest() const { return longest_; }  ///< token, in bytes
  std::span<const Node> nodes() const { return nodes_; }
  /// The tokens whose text ends with this node.
  std::span<const std::int32_t> tokens_of(std::size_t node) const;

 private:
  std::size_t vocab_size_;
  std::size_t longest_ = 0;
  std::vector<Node> nodes_;
  std::vector<std::int32_t> tokens_;  ///< in the order of their texts
};

}  // namespace citer
