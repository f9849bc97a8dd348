#include "grammar/matcher.h"

#include <algorithm>

namespace citer {

GrammarMatcher::GrammarMatcher(std::shared_ptr<const Grammar> grammar)
    : automaton_(std::move(grammar)), places_({{automaton_.start()}}) {}

bool GrammarMatcher::accept(std::string_view bytes) {
  std::vector<Place> reached = places_behind(bytes);
  if (!reached.back().is_somewhere()) return false;
  places_.insert(places_.end(), reached.begin() + 1, reached.end());
  return true;
}

/// The place here, and those after each of the bytes.
std::vector<GrammarMatcher::Place> GrammarMatcher::places_behind(std::string_view bytes) {
  automaton_.renew();
  std::vector<Place> places = {places_.back()};
  for (const char byte : bytes) {
    places.push_back(after(places.back(), static_cast<unsigned char>(byte)));
  }
  return places;
}

bool GrammarMatcher::may_end() const {
  const Place& place = places_.back();
  return place.is_somewhere() && place.missing == 0 && automaton_.may_end(place.state);
}

bool GrammarMatcher::can_continue() const {
  return places_.back().is_somewhere() && automaton_.can_continue(places_.back().state);
}

void GrammarMatcher::allowed_tokens(const TokenTrie& trie, std::vector<bool>& allowed) {
  automaton_.renew();
  allowed.assign(trie.vocab_size(), false);
  const std::span<const TokenTrie::Node> nodes = trie.nodes();
  std::vector<Place> path(trie.longest() + 1, places_.back());  // after so many bytes
  for (std::size_t i = 0; i < nodes.size();) {
    const TokenTrie::Node& node = nodes[i];
    const Place& place = path[node.depth + 1] = after(path[node.depth], node.byte);
    if (!place.is_somewhere()) {
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
  if (!place.is_somewhere()) return place;
  if (place.missing == 0) {
    if (byte < 0x80) return {automaton_.target(place.state, byte)};
    if (byte < 0xC0 || byte > 0xF7) return {};
    place.missing = place.size = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    place.begun = byte & (0x3FU >> place.size);
  } else {
    if ((byte & 0xC0U) != 0x80) return {};
    place.begun = place.begun << 6U | (byte & 0x3FU);
    --place.missing;
  }
  const unsigned open = 6U * place.missing;
  const char32_t low = std::max<char32_t>(place.begun << open, kLeast[place.size]);
  const char32_t high = place.begun << open | ((1U << open) - 1);
  if (low > high) return {};
  if (place.missing == 0) return {automaton_.target(place.state, place.begun)};
  return automaton_.leads_on(place.state, low, high) ? place : Place{};
}

}  // namespace citer
