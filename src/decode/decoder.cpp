#include "decode/decoder.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/rng.h"
#include "citer/error.h"

namespace citer {

namespace {

std::size_t index(int slot) { return static_cast<std::size_t>(slot); }

/// Stream of an answer's random numbers: its prompt, so that an answer does not depend on what else
/// is in the batch.
std::uint64_t stream_of(const DecodeRequest& request) {
  const auto* bytes = reinterpret_cast<const char*>(request.prompt.data());
  return hash64({bytes, request.prompt.size() * sizeof(Token)}) + request.choice;
}

}  // namespace

Sequence::Sequence(DecodeRequest r, int n_vocab, std::uint64_t s)
    : request(std::move(r)),
      stream(s),
      tokens(request.prompt),
      asked(request.prompt.size()),
      text(request.stop),
      sampler(n_vocab, request.sampling, stream),
      start_time(std::chrono::steady_clock::now()),
      last_time(start_time) {}

void Sequence::drop_drafts() {
  tokens.resize(decided());
  drafts.clear();
}

Answer to_answer(Sequence& sequence) {
  Answer answer;
  answer.text = sequence.text.text();
  answer.finish = sequence.finish.value_or(FinishReason::kLength);
  answer.prompt_tokens = static_cast<int>(sequence.request.prompt.size());
  answer.counters = sequence.counters;
  answer.threshold = sequence.request.threshold;
  answer.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - sequence.start_time).count();
  answer.tokens = std::move(sequence.records);
  return answer;
}

Decoder::Decoder(ModelContext& slm, ModelContext& llm, int slots)
    : slm_(slm), llm_(llm), slots_(index(slots)) {}

int Decoder::context_size() const { return std::min(slm_.context_size(), llm_.context_size()); }

std::optional<int> Decoder::free_slot() const {
  const auto free = std::find(slots_.begin(), slots_.end(), nullptr);
  if (free == slots_.end()) return std::nullopt;
  return static_cast<int>(free - slots_.begin());
}

void Decoder::check(const DecodeRequest& request) const {
  check_sampling_options(request.sampling);
  const auto prompt_size = static_cast<int>(request.prompt.size());
  if (prompt_size == 0) throw UsageError("the prompt is empty");
  if (!(request.threshold >= 0 && request.threshold <= 1)) {
    throw UsageError(
        fmt::format("--threshold: expected a number in [0, 1], found {}", request.threshold));
  }
  const int room = context_size() - prompt_size;
  if (room < 1) {
    throw UsageError(fmt::format("the prompt has {} tokens, the context holds {} (-c sets it)",
                                 prompt_size, context_size()));
  }
  if (request.max_tokens > room) {
    throw UsageError(
        fmt::format("the prompt has {} tokens and -n asks for {} more; the context holds {} (-c "
                    "sets it)",
                    prompt_size, request.max_tokens, context_size()));
  }
}

void Decoder::start(int slot, DecodeRequest request) {
  check(request);
  if (request.max_tokens <= 0) {
    request.max_tokens = context_size() - static_cast<int>(request.prompt.size());
  }
  const std::uint64_t stream = stream_of(request);
  slots_[index(slot)] =
      std::make_unique<Sequence>(std::move(request), slm_.model().vocab().size(), stream);
}

Sequence Decoder::release(int slot) {
  Sequence sequence = std::move(*slots_[index(slot)]);
  sequence.drop_drafts();
  slots_[index(slot)].reset();
  return sequence;
}

}  // namespace citer
