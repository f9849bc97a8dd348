#pragma once

#include <llama.h>

#include <cstddef>
#include <span>
#include <vector>

#include "citer/model_options.h"
#include "citer/types.h"
#include "model/model.h"
#include "model/passes.h"

namespace citer {

/// What each sequence of a context has read: its tokens, and libllama's memory of them.
///
/// Not every memory can be taken back to any token (MemoryKind). A recurrent state goes back to its
/// sequence's *checkpoint*: a second sequence of libllama's that was forked from it. The two share
/// cells until one goes on, so that a checkpoint costs no copy of its own, and no host memory. What
/// was read since is read again; without a checkpoint before the place, all of it is. So it is with
/// a sliding window, where cells that left the window were overwritten.
///
/// With ContextOptions::state_snapshots libllama also keeps the states within the last pass, to go
/// back to without reading anything again. They are in rows that a pass over other sequences may
/// move, so only a context of one sequence has them.
class Memory {
 public:
  Memory(const Model& model, const ContextOptions& options);

  /// Asks for the sequences, window and snapshots that this needs.
  void configure(llama_context_params& params) const;
  /// Takes up what a context was made with. The context must outlive this.
  void attach(llama_context* context);

  int sequences() const { return static_cast<int>(held_.size()); }
  std::span<const Token> tokens(int sequence) const { return at(sequence).tokens; }
  /// How many of the first `tokens` a sequence has read.
  std::size_t common(int sequence, std::span<const Token> tokens) const;
  /// How many of its first `length` tokens a sequence can be taken back to: all, or fewer.
  std::size_t reachable(int sequence, std::size_t length) const;
  /// Takes a sequence back to the first reachable(sequence, length) tokens; returns how many.
  std::size_t take_back(int sequence, std::size_t length);

  /// Whether sequences have checkpoints to go back to.
  bool takes_checkpoints() const { return kind_ == MemoryKind::kState; }
  bool has_checkpoint(int sequence) const { return at(sequence).checkpoint > 0; }
  /// Moves a sequence's checkpoint to where it stands. Not between take_back() and append() where
  /// that used a snapshot: the old one stays.
  void hold(int sequence);

  /// One pass has read `tokens` behind what there was.
  void append(int sequence, std::span<const Token> tokens);
  /// Lets `to` start from the first reachable(from, length) tokens of `from`.
  void fork(int from, int to, std::size_t length);
  void forget(int sequence);
  void clear();

  SequenceState save(int sequence) const;
  /// Throws InputError where libllama does not take it; then the sequence is empty.
  void restore(int sequence, const SequenceState& state);

 private:
  struct Held {
    std::vector<Token> tokens;
    std::size_t checkpoint = 0;     ///< tokens that it holds; 0: there is none
    std::size_t snapshots = 0;      ///< tokens that can be taken back by libllama's snapshots
    bool went_to_snapshot = false;  ///< and nothing was read since
  };

  static std::size_t index(int sequence) { return static_cast<std::size_t>(sequence); }
  const Held& at(int sequence) const { return held_[index(sequence)]; }
  Held& at(int sequence) { return held_[index(sequence)]; }
  int checkpoint_of(int sequence) const { return sequences() + sequence; }
  bool is_direct(int sequence, std::size_t length) const;
  void drop_checkpoint(int sequence);
  bool take_checkpoint(int sequence, const SequenceState& state);

  MemoryKind kind_;
  int window_;  ///< tokens; 0: none
  bool swa_full_;
  int state_snapshots_;
  llama_context* context_ = nullptr;
  llama_memory_t memory_ = nullptr;
  std::vector<Held> held_;
};

}  // namespace citer
