#include "text.h"

#include <stdexcept>

namespace citer::demo {
namespace {

// Sentence openers and verbs that the solutions share. The alternatives of one macro start with
// different tokens, so that the draw is visible in a single token.
const std::map<std::string_view, std::string_view>& macros() {
  static const std::map<std::string_view, std::string_view> kMacros = {
      {"1", "First|Initially|Here"},
      {"2", "Then|Next|So"},
      {"3", "Finally|Thus|Hence"},
      {"has", "has|holds|counts"},
      {"is", "is|equals|makes"},
      {"sure", "clearly|surely|indeed"},
      {"there", "there are|we have|one counts"},
      {"all", "In all|Together|Altogether"},
      {"left", "are left|remain|stay"},
      {"gets", "gets|receives|obtains"},
      {"answer", "The|So the|Therefore the"},
      {"final", "final|right|correct"},
  };
  return kMacros;
}

std::string_view macro(std::string_view name) {
  const auto found = macros().find(name);
  if (found == macros().end()) throw std::logic_error("unknown macro <" + std::string(name) + ">");
  return found->second;
}

std::vector<std::string> split_alternatives(std::string_view body) {
  std::vector<std::string> parts(1);
  for (char c : body) {
    if (c == '|') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// The body between the opening character at `at` and its closing one; moves `at` past it.
std::string_view enclosed(std::string_view pattern, std::size_t& at, char closing) {
  const std::size_t end = pattern.find(closing, at);
  if (end == std::string_view::npos) {
    throw std::logic_error("unclosed pattern: " + std::string(pattern));
  }
  const std::string_view body = pattern.substr(at + 1, end - at - 1);
  at = end + 1;
  return body;
}

}  // namespace

void WordedText::append(const WordedText& other) {
  for (std::size_t offset : other.free) free.push_back(text.size() + offset);
  text += other.text;
}

WordedText expand(std::string_view pattern, const Slots& slots, Rng& rng) {
  WordedText out;
  const auto choose = [&](std::string_view body) {
    const auto parts = split_alternatives(body);
    // A word's token begins with the space before it.
    const bool space = !out.text.empty() && out.text.back() == ' ';
    out.free.push_back(out.text.size() - (space ? 1 : 0));
    out.text += parts[static_cast<std::size_t>(
        rng.uniform(0, static_cast<std::int64_t>(parts.size()) - 1))];
  };
  for (std::size_t at = 0; at < pattern.size();) {
    switch (pattern[at]) {
      case '{': {
        const std::string_view key = enclosed(pattern, at, '}');
        const auto found = slots.find(key.front());
        if (key.size() != 1 || found == slots.end()) {
          throw std::logic_error("unknown slot {" + std::string(key) + "}");
        }
        out.text += found->second;
        break;
      }
      case '[':
        choose(enclosed(pattern, at, ']'));
        break;
      case '<':
        choose(macro(enclosed(pattern, at, '>')));
        break;
      default:
        out.text += pattern[at++];
    }
  }
  return out;
}

std::vector<std::vector<std::string>> choices_of(std::string_view pattern) {
  std::vector<std::vector<std::string>> out;
  for (std::size_t at = 0; at < pattern.size();) {
    if (pattern[at] == '[') {
      out.push_back(split_alternatives(enclosed(pattern, at, ']')));
    } else if (pattern[at] == '<') {
      out.push_back(split_alternatives(macro(enclosed(pattern, at, '>'))));
    } else {
      ++at;
    }
  }
  return out;
}

}  // namespace citer::demo
