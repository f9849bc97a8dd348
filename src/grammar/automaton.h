#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "grammar/grammar.h"

namespace citer {

/// A grammar's states and what leads from one to the next, found out as it is asked for.
///
/// It is Earley's recogniser (CACM 13(2), 1970) over the grammar's program. An item says where in
/// the program a reading of the text stands, and in which call; a call is a rule, the place where
/// it was made, and the items that go on when it returns. A state is all items at one place of the
/// text. However ambiguous the grammar, a state has at most as many items as the program has steps
/// times the calls that are open. Places with the same items share a state, so that most characters
/// are one look-up, and a text that is read again costs nothing.
class GrammarAutomaton {
 public:
  static constexpr int kNowhere = -1;

  /// Code points up to the next edge's lead to one state.
  struct Edge {
    char32_t first;
    int target;
  };

  explicit GrammarAutomaton(std::shared_ptr<const Grammar> grammar);

  /// From here on so much work may be done as the grammar's limits say. What takes more throws
  /// GrammarError, and no harm is done.
  void renew() { left_ = grammar_->limits.work; }

  /// The state before any character; kNowhere where the grammar generates no text.
  int start() const { return start_; }
  bool may_end(int state) const { return at(state).may_end; }
  /// Whether some character may follow.
  bool can_continue(int state) const { return !at(state).chars.empty(); }
  int target(int state, char32_t c) {
    if (c >= kAscii) return target_of(state, edge_at(state, c));
    int& known = states_[static_cast<std::size_t>(state)].ascii[c];
    return known != kUnknown ? known : known = target_of(state, edge_at(state, c));
  }
  /// Whether some code point from `low` to `high` leads somewhere.
  bool leads_on(int state, char32_t low, char32_t high);
  /// All edges, from code point 0 on.
  const std::vector<Edge>& edges(int state);

 private:
  static constexpr int kUnknown = -2;  ///< not found out yet
  static constexpr char32_t kAscii = 128;

  struct Item {
    std::uint32_t call;
    std::uint32_t step;
    auto operator<=>(const Item&) const = default;
  };
  struct ItemsHash {
    std::size_t operator()(const std::vector<Item>& items) const;
  };
  struct Call {
    std::vector<Item> after;  ///< what goes on when it returns
    bool returned = false;    ///< it has, without a character
  };
  struct State {
    std::vector<Item> chars;  ///< items that wait for a character
    std::vector<Edge> edges;
    std::array<int, kAscii> ascii;  ///< where these characters lead
    bool may_end = false;
  };

  const State& at(int state) const { return states_[static_cast<std::size_t>(state)]; }
  std::size_t edge_at(int state, char32_t c) const;
  int target_of(int state, std::size_t edge);
  int reach();
  void follow();
  void enter(Item item);
  State new_state();
  void spend(std::size_t work);
  void keep(std::size_t items);

  std::shared_ptr<const Grammar> grammar_;
  std::deque<State> states_;
  std::unordered_map<std::vector<Item>, int, ItemsHash> numbers_;  ///< of states, by their items
  std::vector<Call> calls_;
  int start_;
  std::size_t left_ = 0;  ///< of the work
  std::size_t kept_ = 0;

  // While a state is made:
  std::vector<Item> work_;     ///< to be looked at
  std::vector<Item> reached_;  ///< that wait for a character or make a call, or are the end
  std::unordered_set<std::uint64_t> seen_;
  std::unordered_map<std::uint32_t, std::uint32_t> opened_;  ///< calls made here, by rule
};

}  // namespace citer
