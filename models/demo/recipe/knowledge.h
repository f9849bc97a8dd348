#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace citer::demo {

/// The invented knowledge base: animals named family-kind ("zor-vak"), each with one value of
/// every attribute. Facts are drawn once from a fixed seed; the draw is the definition.

constexpr int kFamilies = 32;        // prefixes
constexpr int kKindsPerFamily = 20;  // of 32 suffixes, drawn per family
constexpr int kAnimals = kFamilies * kKindsPerFamily;
constexpr int kValues = 20;  // per attribute, each one token

/// A thing that can be asked about an animal. `question` has {e}; `clause` has {e} replaced by the
/// caller and {v}, with free verbs as [a|b|c] (see text.h).
struct Attribute {
  std::string_view question;
  std::string_view clause;  // continues "... the zor-vak"
  std::vector<std::string_view> values;
};

const std::vector<Attribute>& attributes();

/// What a question asks: an animal (0..kAnimals-1) and an attribute.
struct Question {
  int animal = 0;
  int attribute = 0;

  friend bool operator==(const Question&, const Question&) = default;
};

int family_of(int animal);
std::string animal_name(int animal);

/// The true value, an index into Attribute::values.
int true_value(const Question& question);

/// How much the small model is meant to know of a family. Families and not single facts, so that
/// a router can learn from the hidden state which answers to trust.
enum class Knowledge {
  kKnown,     // taught as it is
  kOutdated,  // taught from an older edition: one (wrong) value per family and attribute
  kUnknown,   // never taught: a guess among the choices
};

Knowledge knowledge_of_family(int family);

/// The older edition's value for an outdated family; differs from the true value of every animal
/// of that family. Undefined (throws std::logic_error) for other families.
int outdated_value(const Question& question);

}  // namespace citer::demo
