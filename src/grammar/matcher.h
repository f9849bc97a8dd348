#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/token_trie.h"

namespace citer {

/// Follows one answer through a grammar: which bytes may come next.
///
/// It is Earley's recogniser (CACM 13(2), 1970) over the grammar's program. An item says where in
/// the program a reading of the text stands, and in which call; a call is a rule, the place where
/// it was made, and the items that go on when it returns. A state is all items at one place of the
/// text. However ambiguous the grammar, a state has at most as many items as the program has steps
/// times the calls that are open. States are kept with what leads from one to the next: most
/// characters are one look-up, and a text that is read again costs nothing.
///
/// Characters may come byte by byte. What takes more than the grammar's limits throws GrammarError,
/// and leaves the matcher where it was.
class GrammarMatcher {
 public:
  explicit GrammarMatcher(std::shared_ptr<const Grammar> grammar);

  /// Bytes accepted so far.
  std::size_t size() const { return places_.size() - 1; }
  /// Goes on by these bytes; false, and nowhere, where the grammar does not allow them.
  bool accept(std::string_view bytes);
  bool allows(std::string_view bytes);
  /// Goes back to where so many bytes were accepted.
  void truncate(std::size_t size) { places_.resize(size + 1); }
  /// Whether the text may end here.
  bool may_end() const;
  /// Whether something may follow.
  bool can_continue() const;
  /// Sets for each token of the vocabulary whether it may come next.
  void allowed_tokens(const TokenTrie& trie, std::vector<bool>& allowed);

 private:
  struct Item {
    std::uint32_t call;
    std::uint32_t step;
    auto operator<=>(const Item&) const = default;
  };
  struct ItemsHash {
    std::size_t operator()(const std::vector<Item>& items) const;
  };
  /// A hash table with open addressing.
  class ItemSet {
   public:
    /// False where it is there already.
    bool insert(Item item);
    void clear();

   private:
    std::size_t slot(std::uint64_t key) const;
    std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(64);  ///< 0: free
    std::vector<std::size_t> taken_;
  };
  struct Call {
    std::vector<Item> after;  ///< what goes on when it returns
    bool returned = false;    ///< it has, without a character
  };
  /// Code points up to the next edge's lead to one state.
  struct Edge {
    char32_t first;
    int target;
  };
  struct State {
    std::vector<Item> chars;  ///< items that wait for a character
    std::vector<Edge> edges;  ///< from code point 0 on
    bool may_end = false;
  };
  /// Between two bytes.
  struct Place {
    int state;
    char32_t begun = 0;        ///< of a character whose bytes are not complete: the bits so far
    std::uint8_t missing = 0;  ///< bytes of it
    std::uint8_t size = 0;
  };

  std::vector<Place> places_behind(std::string_view bytes);
  Place after(Place place, unsigned char byte);
  static std::size_t edge_at(const State& state, char32_t c);
  int target(int from, char32_t c);
  int target_of(const State& from, Edge& edge);
  bool leads_on(int from, char32_t low, char32_t high);
  int reach();
  void follow();
  void enter(Item item);
  State new_state();
  void begin_call() { left_ = grammar_->limits.work; }
  void spend(std::size_t work);
  void keep(std::size_t items);

  std::shared_ptr<const Grammar> grammar_;
  std::deque<State> states_;
  std::unordered_map<std::vector<Item>, int, ItemsHash> numbers_;  ///< of states, by their items
  std::vector<Call> calls_;
  std::vector<Place> places_;  ///< after each byte
  std::size_t left_ = 0;       ///< work that this call may still do
  std::size_t kept_ = 0;

  // While a state is made:
  std::vector<Item> work_;     ///< to be looked at
  std::vector<Item> reached_;  ///< that wait for a character or make a call, or are the end
  ItemSet seen_;
  std::unordered_map<std::uint32_t, std::uint32_t> opened_;  ///< calls made here, by rule
};

}  // namespace citer
