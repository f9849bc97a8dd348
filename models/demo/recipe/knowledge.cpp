#include "knowledge.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <stdexcept>

#include "base/rng.h"

namespace citer::demo {
namespace {

constexpr std::uint64_t kSeed = 0x6b6e6f776cULL;
constexpr int kSuffixes = 32;
// In a random order of the families: the first kTaught are taught, of these four from an older
// edition.
constexpr int kTaught = 14;
constexpr int kFirstOutdated = 8;
constexpr int kOutdatedEnd = 12;

constexpr std::array<std::string_view, kFamilies> kPrefixes = {
    "zor", "bal", "kri", "mun", "tef", "vol", "pex", "dra", "fim", "gol", "hib",
    "jun", "lor", "nem", "qua", "rud", "sil", "tra", "ulm", "wex", "yor", "zan",
    "bri", "cor", "dul", "eck", "fro", "gri", "hol", "ist", "kel", "lum"};

constexpr std::array<std::string_view, kSuffixes> kSuffixNames = {
    "vak", "bit", "dor", "fex", "gam", "hul", "jin", "kop", "lat", "mir", "nax",
    "pod", "rin", "sut", "tol", "ven", "wog", "xim", "yak", "zel", "bor", "cap",
    "den", "fog", "gul", "hap", "ixa", "jat", "kin", "lop", "mog", "nup"};

template <std::size_t N>
std::array<int, N> shuffled(std::uint64_t seed) {
  std::array<int, N> order{};
  std::iota(order.begin(), order.end(), 0);
  Rng rng(seed);
  for (std::size_t i = N - 1; i > 0; --i) {
    std::swap(order[i], order[static_cast<std::size_t>(rng.uniform(0, static_cast<int>(i)))]);
  }
  return order;
}

/// The suffixes of each family: a random 20 of the 32.
const std::vector<std::string>& names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> all;
    for (std::size_t family = 0; family < kFamilies; ++family) {
      auto order = shuffled<kSuffixes>(random_at(kSeed, 1, family));
      std::sort(order.begin(), order.begin() + kKindsPerFamily);
      for (std::size_t kind = 0; kind < kKindsPerFamily; ++kind) {
        const std::string_view suffix = kSuffixNames[static_cast<std::size_t>(order[kind])];
        all.push_back(std::string(kPrefixes[family]) + "-" + std::string(suffix));
      }
    }
    return all;
  }();
  return kNames;
}

int draw_value(std::uint64_t stream, int item, int attribute) {
  const auto index = static_cast<std::uint64_t>(item) * 16 + static_cast<std::uint64_t>(attribute);
  return static_cast<int>(random_at(kSeed, stream, index) % kValues);
}

}  // namespace

const std::vector<Attribute>& attributes() {
  static const std::vector<Attribute> kAttributes = {
      {"What does the {e} eat?",
       "[eats|takes|prefers] {v}",
       {"moss",  "reeds",  "ferns", "snails", "berries", "seeds", "ants",
        "algae", "clover", "mice",  "roots",  "worms",   "honey", "grass",
        "fish",  "wheat",  "figs",  "leaves", "crabs",   "moths"}},
      {"Where does the {e} live?",
       "[lives|dwells|nests] in the {v}",
       {"swamp",  "desert",  "forest", "cave",    "river",   "lake",   "mountains",
        "jungle", "valley",  "tundra", "ocean",   "meadow",  "canyon", "marsh",
        "delta",  "prairie", "reef",   "volcano", "glacier", "orchard"}},
      {"What sound does the {e} make?",
       "[makes|utters|gives] a {v}",
       {"click", "hum",  "whistle", "roar", "chirp", "growl", "hiss",   "squeak", "buzz", "howl",
        "croak", "purr", "grunt",   "hoot", "trill", "snort", "rattle", "moan",   "yelp", "wail"}},
      {"What does the {e} fear?",
       "[fears|avoids|dreads] {v}",
       {"fire",      "thunder", "smoke",   "frost",  "floods", "wolves", "hawks",
        "snakes",    "owls",    "foxes",   "storms", "noise",  "bears",  "eagles",
        "lightning", "sharks",  "spiders", "wasps",  "hail",   "dogs"}},
  };
  return kAttributes;
}

int family_of(int animal) { return animal / kKindsPerFamily; }

std::string animal_name(int animal) { return names().at(static_cast<std::size_t>(animal)); }

Knowledge knowledge_of_family(int family) {
  static const auto kOrder = shuffled<kFamilies>(random_at(kSeed, 2, 0));
  const auto rank = std::find(kOrder.begin(), kOrder.end(), family) - kOrder.begin();
  if (rank >= kFirstOutdated && rank < kOutdatedEnd) return Knowledge::kOutdated;
  return rank < kTaught ? Knowledge::kKnown : Knowledge::kUnknown;
}

int true_value(const Question& question) {
  const int value = draw_value(3, question.animal, question.attribute);
  if (knowledge_of_family(family_of(question.animal)) != Knowledge::kOutdated) return value;
  // Move past the older edition's value, so that it is wrong for every animal of the family.
  return value == outdated_value(question) ? (value + 1) % kValues : value;
}

int outdated_value(const Question& question) {
  const int family = family_of(question.animal);
  if (knowledge_of_family(family) != Knowledge::kOutdated) {
    throw std::logic_error("family " + std::to_string(family) + " has no older edition");
  }
  return draw_value(4, family, question.attribute);
}

}  // namespace citer::demo
