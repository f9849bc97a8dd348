#include "task/record_fields.h"

#include <algorithm>

#include <fmt/format.h>

#include "citer/error.h"
#include "task/text.h"

namespace citer {

namespace fs = std::filesystem;
using nlohmann::json;

void Place::fail(std::string_view expected, std::string_view found) const {
  throw InputError(
      fmt::format("{}:{}: expected {}, found {}", path.string(), line, expected, found));
}

json parse_json(std::string_view text, const fs::path& path, int first_line) {
  try {
    return json::parse(text);
  } catch (const json::parse_error& e) {
    const std::string_view before = text.substr(0, std::min(e.byte, text.size()));
    const auto newlines = std::count(before.begin(), before.end(), '\n');
    const std::size_t start = before.rfind('\n');
    const std::size_t column = start == std::string_view::npos ? e.byte : e.byte - start - 1;
    Place{path, first_line + static_cast<int>(newlines)}.fail(
        "JSON", fmt::format("a syntax error at column {}", column));
  }
}

std::string describe(const json& value) {
  if (value.is_string() || value.is_number() || value.is_boolean()) {
    const std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() <= 40) return fmt::format("{} {}", value.type_name(), text);
  }
  return value.type_name();
}

std::string field_names(const json& object) {
  std::string out;
  for (const auto& item : object.items()) {
    out += fmt::format("{}\"{}\"", out.empty() ? "" : ", ", item.key());
  }
  return out.empty() ? "no fields" : "fields " + out;
}

const json& field(const json& object, const char* name, const Place& place) {
  const auto found = object.find(name);
  if (found == object.end()) place.fail(fmt::format("field \"{}\"", name), field_names(object));
  return *found;
}

const std::string& string_field(const json& object, const char* name, const Place& place) {
  const json& value = field(object, name, place);
  if (!value.is_string()) place.fail(fmt::format("a string in \"{}\"", name), describe(value));
  const auto& text = value.get_ref<const std::string&>();
  if (trim(text).empty()) place.fail(fmt::format("text in \"{}\"", name), "an empty string");
  return text;
}

std::string optional_string(const json& object, const char* name, const Place& place) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return "";
  if (!found->is_string()) place.fail(fmt::format("a string in \"{}\"", name), describe(*found));
  const auto& text = found->get_ref<const std::string&>();
  return trim(text).empty() ? "" : text;
}

std::string optional_id(const json& object, const char* name, const Place& place) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return "";
  if (found->is_number_integer()) return found->dump();
  if (!found->is_string()) {
    place.fail(fmt::format("a string or an integer in \"{}\"", name), describe(*found));
  }
  return found->get<std::string>();
}

std::vector<std::string> optional_strings(const json& object, const char* name,
                                          const Place& place) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  std::vector<std::string> out;
  if (!found->is_array()) place.fail(fmt::format("an array in \"{}\"", name), describe(*found));
  for (const json& item : *found) {
    if (!item.is_string()) place.fail(fmt::format("strings in \"{}\"", name), describe(item));
    out.push_back(item.get<std::string>());
  }
  return out;
}

std::string letter(std::size_t index) {
  std::string out = "A";
  out.front() = static_cast<char>('A' + index);
  return out;
}

namespace {

/// {"label": [...], "text": [...]}, as Hugging Face flattens a list of choices.
std::vector<Choice> parallel_choices(const json& object, const Place& place) {
  const json& labels = field(object, "label", place);
  const json& texts = field(object, "text", place);
  if (!labels.is_array()) place.fail("an array in \"choices.label\"", describe(labels));
  if (!texts.is_array()) place.fail("an array in \"choices.text\"", describe(texts));
  if (labels.size() != texts.size()) {
    place.fail("as many labels as texts in \"choices\"",
               fmt::format("{} and {}", labels.size(), texts.size()));
  }
  std::vector<Choice> out;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!labels[i].is_string()) place.fail("strings in \"choices.label\"", describe(labels[i]));
    if (!texts[i].is_string()) place.fail("strings in \"choices.text\"", describe(texts[i]));
    out.push_back({labels[i].get<std::string>(), texts[i].get<std::string>()});
  }
  return out;
}

bool is_pair(const json& item) {
  return item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string();
}

/// [{"label", "text"}, ...], [[label, text], ...], or plain strings that get the labels A, B, ...
std::vector<Choice> listed_choices(const json& list, const Place& place) {
  std::vector<Choice> out;
  for (const json& item : list) {
    if (item.is_object()) {
      out.push_back({string_field(item, "label", place), string_field(item, "text", place)});
    } else if (is_pair(item)) {
      out.push_back({item[0].get<std::string>(), item[1].get<std::string>()});
    } else if (item.is_string() && out.size() < 26) {
      out.push_back({letter(out.size()), item.get<std::string>()});
    } else {
      place.fail(
          R"(objects with "label" and "text", pairs of strings, or up to 26 strings, in "choices")",
          describe(item));
    }
  }
  return out;
}

void check_choices(const std::vector<Choice>& choices, const Place& place) {
  if (choices.size() < 2) {
    place.fail("at least two choices", fmt::format("{}", choices.size()));
  }
  for (auto it = choices.begin(); it != choices.end(); ++it) {
    if (trim(it->label).empty()) place.fail("a label for each choice", "an empty string");
    const auto same = [&](const Choice& other) { return other.label == it->label; };
    if (std::any_of(choices.begin(), it, same)) {
      place.fail("labels that differ", fmt::format("\"{}\" twice", it->label));
    }
  }
}

}  // namespace

std::vector<Choice> choices_of(const json& object, const Place& place) {
  const json& value = field(object, "choices", place);
  if (!value.is_object() && !value.is_array()) {
    place.fail("an object or an array in \"choices\"", describe(value));
  }
  auto choices = value.is_object() ? parallel_choices(value, place) : listed_choices(value, place);
  check_choices(choices, place);
  return choices;
}

std::string known_label(const std::string& key, const std::vector<Choice>& choices,
                        const char* name, const Place& place) {
  std::string labels;
  for (const Choice& choice : choices) {
    if (choice.label == key) return key;
    labels += (labels.empty() ? "" : ", ") + choice.label;
  }
  place.fail(fmt::format("one of {} in \"{}\"", labels, name), fmt::format("\"{}\"", key));
}

}  // namespace citer
