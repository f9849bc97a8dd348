#include "model/memory.h"

#include <algorithm>

#include <fmt/format.h>

#include "citer/error.h"
#include "model/backend.h"

namespace citer {

namespace {

constexpr llama_state_seq_flags kWhole = LLAMA_STATE_SEQ_FLAGS_NONE;
/// Of a checkpoint: the keys and values before it are its sequence's, too, but not the states.
constexpr llama_state_seq_flags kPart = LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY;

std::vector<std::uint8_t> state_of(llama_context* context, llama_seq_id sequence,
                                   llama_state_seq_flags flags) {
  std::vector<std::uint8_t> bytes(llama_state_seq_get_size_ext(context, sequence, flags));
  const std::size_t size =
      llama_state_seq_get_data_ext(context, bytes.data(), bytes.size(), sequence, flags);
  if (size == 0 || size != bytes.size()) {
    throw ResourceError("libllama does not hand out what a sequence has read");
  }
  return bytes;
}

/// Whether libllama took all of it, and the sequence then ends with its token `size` - 1.
bool takes(llama_context* context, llama_seq_id sequence, const std::vector<std::uint8_t>& bytes,
           llama_state_seq_flags flags, std::size_t size) {
  return llama_state_seq_set_data_ext(context, bytes.data(), bytes.size(), sequence, flags) ==
             bytes.size() &&
         llama_memory_seq_pos_max(llama_get_memory(context), sequence) + 1 ==
             static_cast<llama_pos>(size);
}

}  // namespace

Memory::Memory(const Model& model, const ContextOptions& options)
    : kind_(model.memory()),
      window_(model.window()),
      // Cells that are shared are never overwritten when they leave the window: with forks and
      // checkpoints a small cache would fill up.
      swa_full_(options.swa_full || options.sequences > 1 || kind_ == MemoryKind::kState),
      state_snapshots_(options.sequences == 1 ? options.state_snapshots : 0),
      held_(index(options.sequences)) {}

void Memory::configure(llama_context_params& params) const {
  params.n_seq_max = static_cast<std::uint32_t>((takes_checkpoints() ? 2 : 1) * sequences());
  params.n_rs_seq = static_cast<std::uint32_t>(state_snapshots_);
  params.swa_full = swa_full_;
}

void Memory::attach(llama_context* context) {
  context_ = context;
  memory_ = llama_get_memory(context);
  state_snapshots_ = static_cast<int>(llama_n_rs_seq(context));  // 0 where it has none
}

std::size_t Memory::common(int sequence, std::span<const Token> tokens) const {
  const std::vector<Token>& have = at(sequence).tokens;
  const auto [a, b] = std::mismatch(have.begin(), have.end(), tokens.begin(), tokens.end());
  return static_cast<std::size_t>(a - have.begin());
}

/// Whether libllama's memory itself can be taken back to `length` tokens, or a sequence be forked
/// there.
bool Memory::is_direct(int sequence, std::size_t length) const {
  const Held& held = at(sequence);
  if (length >= held.tokens.size() || kind_ == MemoryKind::kEveryToken) return true;
  if (kind_ == MemoryKind::kState && held.tokens.size() - length > held.snapshots) return false;
  if (window_ == 0) return true;
  const auto needed = std::max<std::int64_t>(0, static_cast<std::int64_t>(length) - window_);
  return llama_memory_seq_pos_min(memory_, sequence) <= needed;
}

std::size_t Memory::reachable(int sequence, std::size_t length) const {
  const Held& held = at(sequence);
  length = std::min(length, held.tokens.size());
  if (is_direct(sequence, length)) return length;
  return held.checkpoint <= length ? held.checkpoint : 0;
}

std::size_t Memory::take_back(int sequence, std::size_t length) {
  Held& held = at(sequence);
  const std::size_t keep = reachable(sequence, length);
  if (keep == held.tokens.size()) return keep;
  const bool direct = is_direct(sequence, keep);
  if (keep == 0) {
    forget(sequence);
    return 0;
  }
  if (keep < held.checkpoint) drop_checkpoint(sequence);
  if (!direct) {
    llama_memory_seq_rm(memory_, sequence, -1, -1);
    llama_memory_seq_cp(memory_, checkpoint_of(sequence), sequence, -1, -1);
  } else if (!llama_memory_seq_rm(memory_, sequence, static_cast<llama_pos>(keep), -1)) {
    forget(sequence);  // a memory of a kind of its own
    return 0;
  }
  held.went_to_snapshot = direct && kind_ == MemoryKind::kState;
  held.snapshots = 0;
  held.tokens.resize(keep);
  return keep;
}

void Memory::hold(int sequence) {
  Held& held = at(sequence);
  if (held.tokens.size() == held.checkpoint || held.went_to_snapshot) return;
  drop_checkpoint(sequence);
  llama_memory_seq_cp(memory_, sequence, checkpoint_of(sequence), -1, -1);
  held.checkpoint = held.tokens.size();
}

void Memory::drop_checkpoint(int sequence) {
  if (at(sequence).checkpoint == 0) return;
  llama_memory_seq_rm(memory_, checkpoint_of(sequence), -1, -1);
  at(sequence).checkpoint = 0;
}

void Memory::append(int sequence, std::span<const Token> tokens) {
  Held& held = at(sequence);
  held.tokens.insert(held.tokens.end(), tokens.begin(), tokens.end());
  held.went_to_snapshot = false;
  // The state before the pass is not among them.
  held.snapshots = std::min(tokens.size() - 1, static_cast<std::size_t>(state_snapshots_));
}

void Memory::fork(int from, int to, std::size_t length) {
  forget(to);
  const std::vector<Token>& source = at(from).tokens;
  length = reachable(from, length);
  if (length == 0) return;
  const int holder = is_direct(from, length) ? from : checkpoint_of(from);
  llama_memory_seq_cp(memory_, holder, to, 0, static_cast<llama_pos>(length));
  at(to).tokens.assign(source.begin(), source.begin() + static_cast<std::ptrdiff_t>(length));
}

void Memory::forget(int sequence) {
  llama_memory_seq_rm(memory_, sequence, -1, -1);
  drop_checkpoint(sequence);
  at(sequence) = {};
}

SequenceState Memory::save(int sequence) const {
  const Held& held = at(sequence);
  if (held.tokens.empty()) return {};
  SequenceState state{.tokens = held.tokens,
                      .memory = state_of(context_, sequence, kWhole),
                      .checkpoint = held.checkpoint};
  if (held.checkpoint > 0) {
    state.checkpoint_memory = state_of(context_, checkpoint_of(sequence), kPart);
  }
  return state;
}

void Memory::restore(int sequence, const SequenceState& state) {
  forget(sequence);
  if (state.tokens.empty()) return;
  const ErrorCapture errors;
  const bool taken = takes(context_, sequence, state.memory, kWhole, state.tokens.size());
  at(sequence).tokens = state.tokens;
  if (taken && (state.checkpoint == 0 || take_checkpoint(sequence, state))) return;
  forget(sequence);
  throw InputError(fmt::format("it does not go with these models and options{}{}",
                               errors.first().empty() ? "" : ": ", errors.first()));
}

/// The checkpoint shares its sequence's cells; the state there is its own.
bool Memory::take_checkpoint(int sequence, const SequenceState& state) {
  if (!takes_checkpoints() || state.checkpoint > state.tokens.size()) return false;
  at(sequence).checkpoint = state.checkpoint;
  const auto end = static_cast<llama_pos>(state.checkpoint);
  llama_memory_seq_cp(memory_, sequence, checkpoint_of(sequence), 0, end);
  return takes(context_, checkpoint_of(sequence), state.checkpoint_memory, kPart, state.checkpoint);
}

void Memory::clear() {
  llama_memory_clear(memory_, false);
  std::fill(held_.begin(), held_.end(), Held());
}

}  // namespace citer
