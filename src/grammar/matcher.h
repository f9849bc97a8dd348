#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "grammar/automaton.h"
#include "grammar/token_trie.h"

namespace citer {

/// Follows one answer through a grammar: which bytes may come next. Characters may come byte by
/// byte. What takes more than the grammar's limits throws GrammarError, and leaves the matcher
/// where it was.
class GrammarMatcher {
 public:
  explicit GrammarMatcher(std::shared_ptr<const Grammar> grammar);

  /// Bytes accepted so far.
  std::size_t size() const { return places_.size() - 1; }
  /// Goes on by these bytes; false, and nowhere, where the grammar does not allow them.
  bool accept(std::string_view bytes);
  bool allows(std::string_view bytes) { return places_behind(bytes).back().is_somewhere(); }
  /// Goes back to where so many bytes were accepted.
  void truncate(std::size_t size) { places_.resize(size + 1); }
  /// Whether the text may end here.
  bool may_end() const;
  /// Whether something may follow.
  bool can_continue() const;
  /// Sets for each token of the vocabulary whether it may come next.
  void allowed_tokens(const TokenTrie& trie, std::vector<bool>& allowed);

 private:
  /// Between two bytes.
  struct Place {
    int state = GrammarAutomaton::kNowhere;
    char32_t begun = 0;        ///< of a character whose bytes are not complete: the bits so far
    std::uint8_t missing = 0;  ///< bytes of it
    std::uint8_t size = 0;     ///< bytes of it behind the first

    bool is_somewhere() const { return state != GrammarAutomaton::kNowhere; }
  };

  std::vector<Place> places_behind(std::string_view bytes);
  Place after(Place place, unsigned char byte);

  GrammarAutomaton automaton_;
  std::vector<Place> places_;  ///< after each byte
};

}  // namespace citer
