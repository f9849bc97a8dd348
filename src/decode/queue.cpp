#include "decode/queue.h"

#include <map>

namespace citer {

namespace {

/// The slots at work, each with the index of its request. Gives them back at the end.
class Slots {
 public:
  explicit Slots(Decoder& decoder) : decoder_(decoder) {}
  ~Slots() {
    for (const auto& [slot, index] : at_work_) decoder_.release(slot);
  }
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  bool empty() const { return at_work_.empty(); }
  int any() const { return at_work_.begin()->first; }
  std::size_t index(int slot) const { return at_work_.at(slot); }
  void start(int slot, std::size_t index) { at_work_[slot] = index; }
  Sequence release(int slot) {
    at_work_.erase(slot);
    return decoder_.release(slot);
  }

 private:
  Decoder& decoder_;
  std::map<int, std::size_t> at_work_;
};

}  // namespace

void decode_all(Decoder& decoder, std::vector<DecodeRequest> requests,
                const QueueCallbacks& callbacks) {
  Slots slots(decoder);
  std::size_t next = 0;
  const auto admit = [&] {
    for (; next < requests.size(); ++next) {
      const std::optional<int> slot = decoder.free_slot();
      if (!slot) return;
      decoder.start(*slot, std::move(requests[next]));
      slots.start(*slot, next);
      if (callbacks.on_start) callbacks.on_start(*slot, next);
    }
  };
  const auto hand_out = [&](int slot) {
    const std::size_t index = slots.index(slot);
    callbacks.on_done(slot, index, slots.release(slot));
  };
  for (admit(); !slots.empty(); admit()) {
    if (callbacks.should_stop && callbacks.should_stop()) break;
    for (const int slot : decoder.step()) {
      if (callbacks.on_token) callbacks.on_token(slot, slots.index(slot));
      if (decoder.at(slot).finish) hand_out(slot);
    }
  }
  while (!slots.empty()) {
    const int slot = slots.any();
    decoder.text(slot).finish();
    if (callbacks.on_token) callbacks.on_token(slot, slots.index(slot));
    hand_out(slot);
  }
}

}  // namespace citer
