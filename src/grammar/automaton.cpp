#include "grammar/automaton.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/rng.h"
#include "citer/error.h"

namespace citer {

namespace {

using Op = Grammar::Op;

constexpr std::uint32_t kRootCall = 0;

/// Whether a class has a code point.
bool has(const Ranges& ranges, char32_t c) {
  const auto behind =
      std::upper_bound(ranges.begin(), ranges.end(), c,
                       [](char32_t x, const Range& range) { return x < range.first; });
  return behind != ranges.begin() && c <= std::prev(behind)->last;
}

}  // namespace

std::size_t GrammarAutomaton::ItemsHash::operator()(const std::vector<Item>& items) const {
  const auto* bytes = reinterpret_cast<const char*>(items.data());
  return hash64({bytes, items.size() * sizeof(Item)});
}

GrammarAutomaton::GrammarAutomaton(std::shared_ptr<const Grammar> grammar)
    : grammar_(std::move(grammar)) {
  renew();
  calls_.emplace_back();
  work_ = {{kRootCall, grammar_->root}};
  start_ = reach();
}

/// The last edge that begins at `c` or before.
std::size_t GrammarAutomaton::edge_at(int state, char32_t c) const {
  const std::vector<Edge>& edges = at(state).edges;
  const auto behind = std::upper_bound(edges.begin(), edges.end(), c,
                                       [](char32_t x, const Edge& edge) { return x < edge.first; });
  return static_cast<std::size_t>(behind - edges.begin()) - 1;
}

bool GrammarAutomaton::leads_on(int state, char32_t low, char32_t high) {
  const std::vector<Edge>& edges = at(state).edges;
  for (std::size_t i = edge_at(state, low); i < edges.size() && edges[i].first <= high; ++i) {
    if (target_of(state, i) != kNowhere) return true;
  }
  return false;
}

const std::vector<GrammarAutomaton::Edge>& GrammarAutomaton::edges(int state) {
  for (std::size_t i = 0; i < at(state).edges.size(); ++i) target_of(state, i);
  return at(state).edges;
}

int GrammarAutomaton::target_of(int state, std::size_t edge) {
  State& from = states_[static_cast<std::size_t>(state)];
  auto& [first, target] = from.edges[edge];
  if (target != kUnknown) return target;
  work_.clear();
  for (const Item& item : from.chars) {
    spend(1);
    const Ranges& ranges = grammar_->classes[grammar_->program[item.step].arg];
    if (has(ranges, first)) work_.push_back({item.call, item.step + 1});
  }
  return target = reach();
}

/// The state that the items in `work_` stand for; kNowhere for none.
int GrammarAutomaton::reach() {
  // Not clear(): that takes as long as the largest state so far did.
  decltype(seen_)().swap(seen_);
  decltype(opened_)().swap(opened_);
  reached_.clear();
  follow();
  if (reached_.empty()) return kNowhere;
  // So far no call was made: equal items are the same state, wherever they stand in the text.
  std::sort(reached_.begin(), reached_.end());
  if (const auto known = numbers_.find(reached_); known != numbers_.end()) return known->second;
  std::vector<Item> items = reached_;
  std::size_t next = 0;
  while (next < reached_.size()) {  // which grows on the way
    const Item item = reached_[next++];
    if (grammar_->program[item.step].op != Op::kCall) continue;
    enter(item);
    follow();
  }
  states_.push_back(new_state());
  keep(items.size());
  const int number = static_cast<int>(states_.size()) - 1;
  numbers_.emplace(std::move(items), number);
  return number;
}

/// Goes from the items in `work_` through all that takes no character and makes no call.
void GrammarAutomaton::follow() {
  while (!work_.empty()) {
    const Item item = work_.back();
    work_.pop_back();
    const std::uint64_t key = static_cast<std::uint64_t>(item.call) << 32U | item.step;
    if (!seen_.insert(key).second) continue;
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
void GrammarAutomaton::enter(Item item) {
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
GrammarAutomaton::State GrammarAutomaton::new_state() {
  State state;
  state.ascii.fill(kUnknown);
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
  keep(state.chars.size() + state.edges.size() + sizeof(State) / sizeof(Item));
  return state;
}

void GrammarAutomaton::spend(std::size_t work) {
  if (work > left_) {
    throw GrammarError(fmt::format("grammar: it is too ambiguous: a token took more than {} steps",
                                   grammar_->limits.work));
  }
  left_ -= work;
}

void GrammarAutomaton::keep(std::size_t items) {
  kept_ += items;
  if (kept_ > grammar_->limits.kept) {
    throw GrammarError(fmt::format(
        "grammar: it is too ambiguous: the answer took more than {} items", grammar_->limits.kept));
  }
}

}  // namespace citer
