#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "citer/types.h"
#include "model/model.h"
#include "model/row.h"

namespace citer {

/// What a sequence has read, as bytes that a context of the same model and options takes back.
struct SequenceState {
  std::vector<Token> tokens{};
  std::vector<std::uint8_t> memory{};  ///< libllama's, of all tokens
  std::size_t checkpoint = 0;  ///< tokens that its checkpoint holds (Memory); 0: it has none
  std::vector<std::uint8_t> checkpoint_memory{};  ///< what differs there
};

/// How tokens behind rows are drawn, for a server that has the whole row and can draw them itself.
struct Draw {
  const SamplingOptions* sampling = nullptr;  ///< null: it shall not
  std::uint64_t stream = 0;                   ///< of the sequence's random numbers
};

/// Asks for next-token rows of one sequence. `tokens` is the whole authoritative sequence; the
/// model's cache is brought in line with it, whatever it held before.
struct RowRequest {
  int sequence = 0;
  std::span<const Token> tokens;
  /// Ascending indices into `tokens`: row i describes the token that follows tokens[0..rows[i]].
  std::span<const int> rows;
  RowForm form{};
  /// How many of the tokens stay: later ones may be taken back soon.
  std::size_t decided = ~std::size_t{0};
  Draw draw{};
};

/// One request's part in a forward().
struct RequestCost {
  int passes = 0;                ///< calls of the model that evaluated tokens of it
  int positions = 0;             ///< tokens evaluated: those that were not in the cache
  std::int64_t cache_reads = 0;  ///< its cached tokens after each of those calls, summed
  int own_tokens = 0;            ///< of its own vocabulary that a server wrote, where it gives text
  /// Why a server gave no rows for it; "": it did.
  std::string fault{};
};

/// What one forward() cost.
struct ForwardCost {
  int passes = 0;                     ///< calls of the model
  int positions = 0;                  ///< tokens evaluated
  double seconds = 0.0;               ///< in the model, trips to it included; not reading rows
  std::vector<RequestCost> requests;  ///< one per request
};

/// N sequences over one model, wherever it runs: in this process (ModelContext), or at a server.
/// One thread at a time.
///
/// Callers never touch positions: they state the tokens a sequence has, and forward() keeps the
/// common prefix, rolls back the rest and evaluates what is missing.
class Context {
 public:
  virtual ~Context() = default;

  /// Brings every requested sequence in line and evaluates the rows asked for. A sequence may occur
  /// once. Throws ResourceError when all of it fails.
  virtual ForwardCost forward(std::span<const RowRequest> requests, bool want_hidden = false) = 0;
  /// Row `i` of request `request` of the last forward(), if that had no fault.
  virtual Row row(std::size_t request, std::size_t i) const = 0;

  /// Rows are read over the first `n` tokens alone, [0, n_vocab]. Before the first forward().
  virtual void limit_vocabulary(int n) = 0;
  /// Gives passes up while `unwanted` says so: it is called now and then during one.
  virtual void interrupt_when(std::function<bool()> unwanted) = 0;

  /// Drops all caches, or a sequence's.
  virtual void reset() = 0;
  virtual void forget(int sequence) = 0;
  /// Lets sequence `to` start from the first `length` cached tokens of `from`, or fewer.
  virtual void fork(int from, int to, std::size_t length) = 0;
  /// What a sequence has read; without tokens where it has nothing, or a server has it.
  virtual SequenceState save(int /*sequence*/) { return {}; }
  /// Lets a sequence have read what was saved; where a server has the cache, nothing changes.
  /// Throws InputError where that does not fit; then the sequence is empty.
  virtual void restore(int /*sequence*/, const SequenceState& /*state*/) {}

  /// Tokens one sequence may hold.
  virtual int context_size() const = 0;
  virtual int sequences() const = 0;
  virtual std::span<const Token> cached(int sequence) const = 0;
  /// How many of the first `tokens` a sequence's cache holds and can be taken back to.
  virtual std::size_t cached_prefix(int sequence, std::span<const Token> tokens) const = 0;
  /// What all sequences' caches hold together.
  std::int64_t cached_tokens() const;

  virtual const Vocab& vocab() const = 0;
  /// Tokens of the model's own vocabulary, which may have more padding than vocab().
  virtual int n_vocab() const { return vocab().size(); }

  /// The model, where it runs in this process; else null, and what follows means nothing.
  virtual const Model* local_model() const { return nullptr; }
  /// CPU threads of passes from now on.
  virtual void set_threads(int /*threads*/) {}
  virtual int threads() const { return 0; }
};

}  // namespace citer
