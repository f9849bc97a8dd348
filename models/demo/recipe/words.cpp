#include "words.h"

namespace citer::demo {

const std::vector<Person>& persons() {
  static const std::vector<Person> kPersons = {
      {"Adam", "He", "he"},    {"Bela", "She", "she"},  {"Carl", "He", "he"},
      {"Dora", "She", "she"},  {"Emil", "He", "he"},    {"Flora", "She", "she"},
      {"Gus", "He", "he"},     {"Hanna", "She", "she"}, {"Igor", "He", "he"},
      {"Jana", "She", "she"},  {"Kurt", "He", "he"},    {"Lena", "She", "she"},
      {"Milo", "He", "he"},    {"Nora", "She", "she"},  {"Otto", "He", "he"},
      {"Petra", "She", "she"}, {"Quinn", "He", "he"},   {"Rita", "She", "she"},
      {"Stefan", "He", "he"},  {"Tilda", "She", "she"}, {"Udo", "He", "he"},
      {"Vilma", "She", "she"}, {"Walt", "He", "he"},    {"Xenia", "She", "she"},
  };
  return kPersons;
}

const std::vector<std::string_view>& things() {
  static const std::vector<std::string_view> kThings = {
      "apples",  "pears",   "plums",   "lemons",  "marbles", "stickers", "stamps", "coins",
      "pencils", "books",   "shells",  "buttons", "beads",   "cookies",  "eggs",   "nuts",
      "tulips",  "ribbons", "candles", "tiles",   "kites",   "muffins",  "badges", "bricks",
  };
  return kThings;
}

const std::vector<Container>& containers() {
  static const std::vector<Container> kContainers = {
      {"bag", "bags"}, {"box", "boxes"},    {"basket", "baskets"}, {"jar", "jars"},
      {"tin", "tins"}, {"crate", "crates"}, {"tray", "trays"},     {"sack", "sacks"},
  };
  return kContainers;
}

const std::vector<std::string_view>& weekdays() {
  static const std::vector<std::string_view> kWeekdays = {
      "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
  return kWeekdays;
}

}  // namespace citer::demo
