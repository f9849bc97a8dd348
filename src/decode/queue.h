#pragma once

#include <functional>
#include <vector>

#include "decode/decoder.h"

namespace citer {

/// What decode_all() tells as it goes; `index` is the request's place in the list.
struct QueueCallbacks {
  /// A request was given a slot and nothing was evaluated yet: its caches may be forked now.
  std::function<void(int slot, std::size_t index)> on_start;
  /// A slot got a token, or will get no more: there may be text to show.
  std::function<void(int slot, std::size_t index)> on_token;
  /// An answer is finished, or as far as it got when should_stop ended the work.
  std::function<void(int slot, std::size_t index, Sequence)> on_done;
  /// Asked between steps.
  std::function<bool()> should_stop;
};

/// Writes all requests' answers, as many at once as the decoder has free slots, which it gives back
/// also when an exception leaves.
void decode_all(Decoder& decoder, std::vector<DecodeRequest> requests,
                const QueueCallbacks& callbacks);

}  // namespace citer
