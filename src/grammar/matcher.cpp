#include "grammar/matcher.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/rng.h"
#include "citer/error.h"

namespace citer {

namespace {

using Op = Grammar::Op;

constexpr int kNowhere = -1;
constexpr int kUnknown = -2;  // not found out yet
constexpr std::uint32_t kRootCall = 0;

/// Whether a class has a code point.
bool has(const Ranges& ranges, char32_t c) {
  const auto behind =
      std::upper_bound(ranges.begin(), ranges.end(), c,
                       [](char32_t x, const Range& range) { return x < range.first; });
  return behind != ranges.begin() && c <= std::prev(behind)->last;
}

}  // namespace

std::size_t GrammarMatcher::ItemsHash::operator()(const std::vector<Item>& items) const {
  const auto* bytes = reinterpret_cast<const char*>(items.data());
  return hash64({bytes, items.size() * sizeof(Item)});
}

bool GrammarMatcher::ItemSet::insert(Item item) {
  if (2 * taken_.size() >= slots_.size()) {
    std::vector<std::uint64_t> old(4 * slots_.size());
    old.swap(slots_);
    for (std::size_t& at : taken_) {
      const std::uint64_t key = old[at];
      at = slot(key);
      slots_[at] = key;
    }
  }
  const std::uint64_t key = (static_cast<std::uint64_t>(item.call) << 32U | item.step) + 1;
  const std::size_t at = slot(key);
  if (slots_[at] == key) return false;
  slots_[at] = key;
  taken_.push_back(at);
  return true;
}

std::size_t GrammarMatcher::ItemSet::slot(std::uint64_t key) const {
  constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = (key * kGolden) >> 32U & mask;
  while (slots_[at] != 0 && slots_[at] != key) at = (at + 1) & mask;
  return at;
}

void GrammarMatcher::ItemSet::clear() {
  for (const std::size_t at : taken_) slots_[at] = 0;
  taken_.clear();
}

GrammarMatcher::GrammarMatcher(std::shared_ptr<const Grammar> grammar)
    : grammar_(std::move(grammar)) {
  calls_.emplace_back();
  begin_call();
  work_ = {{kRootCall, grammar_->root}};
  places_ = {{reach()}};
}

bool GrammarMatcher::accept(std::string_view bytes) {
  std::vector<Place> reached = places_behind(bytes);
  if (reached.back().state == kNowhere) return false;
  places_.insert(places_.end(), reached.begin() + 1, reached.end());
  return true;
}

bool GrammarMatcher::allows(std::string_view bytes) {
  return places_behind(bytes).back().state != kNowhere;
}

/// The place here, and those after each of the bytes.
std::vector<GrammarMatcher::Place> GrammarMatcher::places_behind(std::string_view bytes) {
  begin_call();
  std::vector<Place> places = {places_.back()};
  for (const char byte : bytes) {
    places.push_back(after(places.back(), static_cast<unsigned char>(byte)));
  }
  return places;
}

bool GrammarMatcher::may_end() const {
  const Place& place = places_.back();
  return place.missing == 0 && place.state != kNowhere &&
         states_[static_cast<std::size_t>(place.state)].may_end;
}

bool GrammarMatcher::can_continue() const {
  const Place& place = places_.back();
  return place.state != kNowhere && !states_[static_cast<std::size_t>(place.state)].chars.empty();
}

void GrammarMatcher::allowed_tokens(const TokenTrie& trie, std::vector<bool>& allowed) {
  begin_call();
  allowed.assign(trie.vocab_size(), false);
  const std::span<const TokenTrie::Node> nodes = trie.nodes();
  std::vector<Place> path(trie.longest() + 1, places_.back());  // after so many bytes
  for (std::size_t i = 0; i < nodes.size();) {
    const TokenTrie::Node& node = nodes[i];
    const Place& place = path[node.depth + 1] = after(path[node.depth], node.byte);
    if (place.state == kNowhere) {
      i = node.end;
      continue;
    }
    for (const std::int32_t token : trie.tokens_of(i)) {
      allowed[static_cast<std::size_t>(token)] = true;
    }
    ++i;
  }
}

GrammarMatcher::Place GrammarMatcher::after(Place place, unsigned char byte) {
  constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};  // by the number of following bytes
  if (place.state == kNowhere) return place;
  if (place.missing == 0) {
    if (byte < 0x80) return {target(place.state, byte)};
    if (byte < 0xC0 || byte > 0xF7) return {kNowhere};
    place.missing = place.size = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    place.begun = byte & (0x3FU >> place.size);
  } else {
    if ((byte & 0xC0U) != 0x80) return {kNowhere};
    place.begun = place.begun << 6U | (byte & 0x3FU);
    --place.missing;
  }
  const unsigned open = 6U * place.missing;
  const char32_t low = std::max<char32_t>(place.begun << open, kLeast[place.size]);
  const char32_t high = place.begun << open | ((1U << open) - 1);
  if (low > high) return {kNowhere};
  if (place.missing == 0) return {target(place.state, place.begun)};
  return leads_on(place.state, low, high) ? place : Place{kNowhere};
}

/// The last edge that begins at `c` or before.
std::size_t GrammarMatcher::edge_at(const State& state, char32_t c) {
  const auto behind = std::upper_bound(state.edges.begin(), state.edges.end(), c,
                                       [](char32_t x, const Edge& edge) { return x < edge.first; });
  return static_cast<std::size_t>(behind - state.edges.begin()) - 1;
}

int GrammarMatcher::target(int from, char32_t c) {
  State& state = states_[static_cast<std::size_t>(from)];
  return target_of(state, state.edges[edge_at(state, c)]);
}

/// Whether some code point from `low` to `high` leads somewhere.
bool GrammarMatcher::leads_on(int from, char32_t low, char32_t high) {
  State& state = states_[static_cast<std::size_t>(from)];
  for (std::size_t i = edge_at(state, low); i < state.edges.size(); ++i) {
    if (state.edges[i].first > high) return false;
    if (target_of(state, state.edges[i]) != kNowhere) return true;
  }
  return false;
}

int GrammarMatcher::target_of(const State& from, Edge& edge) {
  if (edge.target != kUnknown) return edge.target;
  work_.clear();
  for (const Item& item : from.chars) {
    spend(1);
    const std::uint32_t number = grammar_->program[item.step].arg;
    if (has(grammar_->classes[number], edge.first)) work_.push_back({item.call, item.step + 1});
  }
  return edge.target = reach();
}

/// The state that the items in `work_` stand for; kNowhere for none.
int GrammarMatcher::reach() {
  seen_.clear();
  reached_.clear();
  follow();
  if (reached_.empty()) return kNowhere;
  // So far no call was made: equal items are the same state, wherever they stand in the text.
  std::sort(reached_.begin(), reached_.end());
  if (const auto known = numbers_.find(reached_); known != numbers_.end()) return known->second;
  std::vector<Item> items = reached_;
  opened_.clear();
  for (std::size_t i = 0; i < reached_.size(); ++i) {
    if (grammar_->program[reached_[i].step].op != Op::kCall) continue;
    enter(reached_[i]);
    follow();
  }
  states_.push_back(new_state());
  keep(items.size());
  const int number = static_cast<int>(states_.size()) - 1;
  numbers_.emplace(std::move(items), number);
  return number;
}

/// Goes from the items in `work_` through all that takes no character and makes no call.
void GrammarMatcher::follow() {
  while (!work_.empty()) {
    const Item item = work_.back();
    work_.pop_back();
    if (!seen_.insert(item)) continue;
    spend(1);
    const Grammar::Step& step = grammar_->program[item.step];
    switch (step.op) {
      case Op::kSplit:
        work_.push_back({item.call, item.step + 1});
        [[fallthrough]];
      case Op::kJump:
      case Op::kTail:
        work_.push_back({item.call, step.arg});
        break;
      case Op::kReturn:
        if (item.call == kRootCall) reached_.push_back(item);
        calls_[item.call].returned = true;
        work_.insert(work_.end(), calls_[item.call].after.begin(), calls_[item.call].after.end());
        spend(calls_[item.call].after.size());
        break;
      case Op::kChar:
      case Op::kCall:
        reached_.push_back(item);
    }
  }
}

/// Begins the rule that is called, once in each state: the callers of one place share it.
void GrammarMatcher::enter(Item item) {
  const std::uint32_t rule = grammar_->program[item.step].arg;
  const auto [open, is_new] = opened_.try_emplace(rule, static_cast<std::uint32_t>(calls_.size()));
  if (is_new) {
    calls_.emplace_back();
    work_.push_back({open->second, rule});
  }
  Call& call = calls_[open->second];
  const Item after{item.call, item.step + 1};
  keep(1);
  call.after.push_back(after);
  if (call.returned) work_.push_back(after);
}

/// Of the items in `reached_`.
GrammarMatcher::State GrammarMatcher::new_state() {
  State state;
  std::vector<std::uint32_t> classes;
  for (const Item& item : reached_) {
    const Grammar::Step& step = grammar_->program[item.step];
    if (step.op == Op::kReturn) state.may_end = true;
    if (step.op != Op::kChar) continue;
    state.chars.push_back(item);
    classes.push_back(step.arg);
  }
  std::sort(classes.begin(), classes.end());
  classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
  std::vector<char32_t> firsts = {0};
  for (const std::uint32_t number : classes) {
    spend(grammar_->classes[number].size());
    for (const Range& range : grammar_->classes[number]) {
      firsts.insert(firsts.end(), {range.first, range.last + 1});
    }
  }
  std::sort(firsts.begin(), firsts.end());
  firsts.erase(std::unique(firsts.begin(), firsts.end()), firsts.end());
  for (const char32_t first : firsts) state.edges.push_back({first, kUnknown});
  keep(state.chars.size() + state.edges.size());
  return state;
}

void GrammarMatcher::spend(std::size_t work) {
  if (work > left_) {
    throw GrammarError(fmt::format("grammar: it is too ambiguous: a token took more than {} steps",
                                   grammar_->limits.work));
  }
  left_ -= work;
}

void GrammarMatcher::keep(std::size_t items) {
  kept_ += items;
  if (kept_ > grammar_->limits.kept) {
    throw GrammarError(fmt::format(
        "grammar: it is too ambiguous: the answer took more than {} items", grammar_->limits.kept));
  }
}

}  // namespace citer
