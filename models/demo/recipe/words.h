#pragma once

#include <string_view>
#include <vector>

namespace citer::demo {

/// A person of a word problem and the pronouns that stand for it.
struct Person {
  std::string_view name;
  std::string_view upper;  // "He"
  std::string_view lower;  // "he"
};

/// A container in singular and plural.
struct Container {
  std::string_view one;
  std::string_view many;
};

const std::vector<Person>& persons();
const std::vector<std::string_view>& things();
const std::vector<Container>& containers();
const std::vector<std::string_view>& weekdays();

}  // namespace citer::demo
