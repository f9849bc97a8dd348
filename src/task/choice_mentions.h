#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "task/example.h"

namespace citer {

/// A place in a text that names a choice.
struct Mention {
  enum class Kind {
    kParenthesised,  ///< "(B)", "[b]"
    kMarked,         ///< "B.", "B)", "B:", "B," and the like
    kBare,           ///< "B" in capitals, alone
    kText            ///< the choice's text
  };
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t choice = 0;  ///< index into the choices
  Kind kind = Kind::kText;
  bool negated = false;  ///< "not B", "(B) is wrong"
};

/// `text` as mentions are looked for in it: typographic quotes made plain, emphasis and \text{}
/// unwrapped, runs of white space made one space, or one newline where they hold one.
std::string plain_text(std::string_view text);

/// Every mention in `plain` (see plain_text), in order, not overlapping: of two that overlap the
/// longer stays. A label beside its own choice's text ("(B) reeds", "reeds (b)") is one mention.
std::vector<Mention> find_mentions(const std::vector<Choice>& choices, std::string_view plain);

}  // namespace citer
