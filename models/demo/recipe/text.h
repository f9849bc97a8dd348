#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"

namespace citer::demo {

/// Text that knows where its wording was free.
struct WordedText {
  std::string text;
  /// Byte offsets where one of several phrasings was drawn at random: no reader can foresee the
  /// token that starts there, and nothing hangs on it ("harmless uncertainty").
  std::vector<std::size_t> free;

  void append(const WordedText& other);
  void append(std::string_view fixed) { text += fixed; }
};

/// What `{key}` stands for; the keys are single letters.
using Slots = std::map<char, std::string>;

/// Expands a pattern: `{k}` is replaced from `slots`, `[a|b|c]` by one of its alternatives (drawn
/// evenly), and `<name>` by a fixed list of alternatives (see macros in text.cpp). Throws
/// std::logic_error on a malformed pattern or an unknown name.
WordedText expand(std::string_view pattern, const Slots& slots, Rng& rng);

/// The alternatives of every choice in a pattern, macros included; for tests.
std::vector<std::vector<std::string>> choices_of(std::string_view pattern);

}  // namespace citer::demo
