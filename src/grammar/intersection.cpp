#include "grammar/intersection.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "citer/error.h"
#include "grammar/automaton.h"

namespace citer {

namespace {

constexpr int kNowhere = GrammarAutomaton::kNowhere;

class Product {
 public:
  Product(const std::vector<Condition>& conditions, gbnf::Rules& rules)
      : conditions_(conditions), rules_(rules) {
    std::vector<int> start;
    for (const Condition& condition : conditions) {
      automata_.emplace_back(compile_grammar(
          fmt::format("root ::= {}\n{}{}", condition.piece, condition.rules, gbnf::json_rules())));
      start.push_back(automata_.back().start());
    }
    if (goes_on(start)) number_of(start);
    for (std::size_t i = 0; i < states_.size(); ++i) expand(i);
  }

  std::string written() {
    const std::vector<bool> live = find_live();
    if (live.empty() || !live[0]) throw UsageError("no text satisfies all that is asked of it");
    std::vector<std::string> names(states_.size());
    for (std::string& name : names) name = rules_.fresh_name("s");
    for (std::size_t i = 0; i < states_.size(); ++i) {
      std::vector<std::string> choices;
      if (may_end(i)) choices.emplace_back("\"\"");
      for (const auto& [to, ranges] : steps_[i]) {
        if (live[to]) choices.push_back(fmt::format("{} {}", gbnf::class_of(ranges), names[to]));
      }
      if (live[i]) rules_.set(names[i], fmt::format("{}", fmt::join(choices, " | ")));
    }
    return names[0];
  }

 private:
  using State = std::vector<int>;  // one of each automaton

  /// Whether all that must be generated still may be.
  bool goes_on(const State& state) const {
    for (std::size_t k = 0; k < state.size(); ++k) {
      if (state[k] == kNowhere && !conditions_[k].negated) return false;
    }
    return true;
  }

  bool may_end(std::size_t i) const {
    for (std::size_t k = 0; k < automata_.size(); ++k) {
      const int state = states_[i][k];
      const bool generated = state != kNowhere && automata_[k].may_end(state);
      if (generated == conditions_[k].negated) return false;
    }
    return true;
  }

  std::size_t number_of(const State& state) {
    const auto [known, is_new] = numbers_.try_emplace(state, states_.size());
    if (is_new) states_.push_back(state);
    return known->second;
  }

  void expand(std::size_t i) {
    const State state = states_[i];
    std::vector<char32_t> firsts;
    for (std::size_t k = 0; k < state.size(); ++k) {
      if (state[k] == kNowhere) continue;
      automata_[k].renew();
      for (const auto& edge : automata_[k].edges(state[k])) firsts.push_back(edge.first);
    }
    std::sort(firsts.begin(), firsts.end());
    firsts.erase(std::unique(firsts.begin(), firsts.end()), firsts.end());
    std::map<std::size_t, Ranges>& steps = steps_.emplace_back();
    for (std::size_t f = 0; f < firsts.size(); ++f) {
      State to = state;
      for (std::size_t k = 0; k < state.size(); ++k) {
        if (state[k] != kNowhere) to[k] = automata_[k].target(state[k], firsts[f]);
      }
      if (!goes_on(to)) continue;
      rules_.spend(1);
      const char32_t last = f + 1 < firsts.size() ? firsts[f + 1] - 1 : kLastCodePoint;
      steps[number_of(to)].push_back({firsts[f], last});
    }
  }

  /// From which states a text can be ended.
  std::vector<bool> find_live() const {
    std::vector<std::vector<std::size_t>> before(states_.size());
    std::vector<std::size_t> open;
    std::vector<bool> live(states_.size());
    for (std::size_t i = 0; i < states_.size(); ++i) {
      for (const auto& step : steps_[i]) before[step.first].push_back(i);
      if (may_end(i)) open.push_back(i);
    }
    while (!open.empty()) {
      const std::size_t i = open.back();
      open.pop_back();
      if (live[i]) continue;
      live[i] = true;
      open.insert(open.end(), before[i].begin(), before[i].end());
    }
    return live;
  }

  const std::vector<Condition>& conditions_;
  gbnf::Rules& rules_;
  std::vector<GrammarAutomaton> automata_;
  std::vector<State> states_;
  std::map<State, std::size_t> numbers_;
  std::vector<std::map<std::size_t, Ranges>> steps_;  ///< by the state that they lead to
};

}  // namespace

std::string intersection(const std::vector<Condition>& conditions, gbnf::Rules& rules) {
  const Condition& first = conditions.front();
  if (conditions.size() == 1 && first.rules.empty()) return first.piece;
  return Product(conditions, rules).written();
}

}  // namespace citer
