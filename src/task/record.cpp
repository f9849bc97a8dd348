#include "task/record.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "citer/error.h"
#include "task/csv.h"
#include "task/latex.h"
#include "task/marks.h"
#include "task/text.h"

namespace citer {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Where a record stands, for messages.
struct Place {
  const fs::path& path;
  int line;

  [[noreturn]] void fail(std::string_view expected, std::string_view found) const {
    throw InputError(
        fmt::format("{}:{}: expected {}, found {}", path.string(), line, expected, found));
  }
};

/// A value in a message: its type, and the value itself when it is short.
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

/// The field's text, or "" when it is absent, null or blank.
std::string optional_string(const json& object, const char* name, const Place& place) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return "";
  if (!found->is_string()) place.fail(fmt::format("a string in \"{}\"", name), describe(*found));
  const auto& text = found->get_ref<const std::string&>();
  return trim(text).empty() ? "" : text;
}

std::string optional_id(const json& object, const Place& place) {
  const auto found = object.find("id");
  if (found == object.end() || found->is_null()) return "";
  if (found->is_number_integer()) return found->dump();
  if (!found->is_string()) place.fail("a string or an integer in \"id\"", describe(*found));
  return found->get<std::string>();
}

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

std::string letter(std::size_t index) {
  std::string out = "A";
  out.front() = static_cast<char>('A' + index);
  return out;
}

/// [{"label", "text"}, ...], or plain strings that get the labels A, B, ...
std::vector<Choice> listed_choices(const json& list, const Place& place) {
  std::vector<Choice> out;
  for (const json& item : list) {
    if (item.is_object()) {
      out.push_back({string_field(item, "label", place), string_field(item, "text", place)});
    } else if (item.is_string() && out.size() < 26) {
      out.push_back({letter(out.size()), item.get<std::string>()});
    } else {
      place.fail(R"(objects with "label" and "text", or up to 26 strings, in "choices")",
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

/// The right label: "answerKey", or Hugging Face MMLU's "answer", an index from 0.
std::string gold_label(const json& object, const std::vector<Choice>& choices, const Place& place) {
  const auto index = object.find("answer");
  if (object.contains("answerKey") || index == object.end() || !index->is_number_integer()) {
    return known_label(string_field(object, "answerKey", place), choices, "answerKey", place);
  }
  const auto value = index->get<std::int64_t>();
  if (value < 0 || static_cast<std::size_t>(value) >= choices.size()) {
    place.fail(fmt::format("an index from 0 to {} in \"answer\"", choices.size() - 1),
               describe(*index));
  }
  return choices[static_cast<std::size_t>(value)].label;
}

Example choice_example(const json& object, const Place& place) {
  Example out;
  out.kind = TaskKind::kChoice;
  const json& question = field(object, "question", place);
  const bool nested = question.is_object();  // as CommonsenseQA and ARC are published
  out.question =
      nested ? string_field(question, "stem", place) : string_field(object, "question", place);
  out.choices = choices_of(nested ? question : object, place);
  out.gold = gold_label(object, out.choices, place);
  out.reference = optional_string(object, "cot", place);
  return out;
}

Example boxed_example(const json& object, const Place& place) {
  Example out;
  out.question = string_field(object, "problem", place);
  out.reference = string_field(object, "solution", place);
  const auto boxed = last_boxed(out.reference);
  if (!boxed) place.fail(R"(\boxed{answer} in "solution")", "none that is closed");
  out.gold = normalize_math(*boxed);
  if (out.gold.empty()) place.fail("an answer in \\boxed{}", fmt::format("\"{}\"", *boxed));
  return out;
}

Example gsm8k_example(const json& object, const Place& place) {
  Example out;
  out.question = string_field(object, "question", place);
  out.reference = string_field(object, "answer", place);
  const auto marked = last_hash_answer(out.reference);
  if (!marked) place.fail(R"("#### number" in "answer")", "none");
  out.gold = normalize_math(*marked);
  if (out.gold.empty()) place.fail("a number after \"####\"", fmt::format("\"{}\"", *marked));
  return out;
}

bool has_choices(const json& object) {
  const auto question = object.find("question");
  return object.contains("choices") ||
         (question != object.end() && question->is_object() && question->contains("choices"));
}

Example json_example(const json& object, const Place& place) {
  if (!object.is_object()) place.fail("a JSON object", describe(object));
  Example out;
  if (has_choices(object)) {
    out = choice_example(object, place);
  } else if (object.contains("problem")) {
    out = boxed_example(object, place);
  } else if (object.contains("question") && object.contains("answer")) {
    out = gsm8k_example(object, place);
  } else {
    place.fail(
        "\"problem\" and \"solution\", or \"question\" and \"answer\", or \"question\", "
        "\"choices\" and \"answerKey\"",
        field_names(object));
  }
  out.id = optional_id(object, place);
  out.prompt = optional_string(object, "prompt", place);
  return out;
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

using Visit = std::function<void(Example, int line)>;

std::string_view without_mark(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

void read_lines(const fs::path& path, const Visit& visit) {
  for_each_line(path, [&](std::string_view text, int line) {
    if (line == 1) text = without_mark(text);
    if (trim(text).empty()) return;
    visit(json_example(parse_json(text, path, line), {path, line}), line);
  });
}

/// One object, or an array of them; array elements count as lines from 1.
void read_whole(const fs::path& path, std::string_view text, const Visit& visit) {
  const json value = parse_json(text, path, 1);
  if (!value.is_array()) return visit(json_example(value, {path, 1}), 1);
  int number = 0;
  for (const json& item : value) {
    ++number;
    visit(json_example(item, {path, number}), number);
  }
}

/// Whether the first line is an object of its own that others follow: JSON Lines, whatever the
/// file's name says.
bool is_lines(std::string_view text) {
  text = trim(text);
  const std::size_t end = text.find('\n');
  return end != std::string_view::npos &&
         json::parse(text.substr(0, end), nullptr, /*allow_exceptions=*/false).is_object();
}

void read_json(const fs::path& path, const Visit& visit) {
  const std::string bytes = read_file(path);
  const std::string_view text = without_mark(bytes);
  if (is_lines(text)) return read_lines(path, visit);
  read_whole(path, text, visit);
}

/// MMLU: question, four choices, letter; no header.
void read_csv(const fs::path& path, const Visit& visit) {
  const std::string bytes = read_file(path);
  for_each_csv_row(
      without_mark(bytes), path.string(), [&](const std::vector<std::string>& fields, int line) {
        const Place place{path, line};
        if (fields.size() != 6) {
          place.fail("6 fields (question, four choices, letter)", fmt::format("{}", fields.size()));
        }
        if (trim(fields.front()).empty()) place.fail("a question", "an empty field");
        Example example;
        example.kind = TaskKind::kChoice;
        example.question = fields.front();
        for (std::size_t i = 0; i < 4; ++i) example.choices.push_back({letter(i), fields[i + 1]});
        example.gold =
            known_label(std::string(trim(fields.back())), example.choices, "answer", place);
        visit(std::move(example), line);
      });
}

}  // namespace

void read_records(const fs::path& path, const std::string& stem,
                  const std::function<void(Record)>& visit) {
  const auto add = [&](Example example, int line) {
    if (example.id.empty()) example.id = fmt::format("{}:{}", stem, line);
    visit({std::move(example), path, line});
  };
  const std::string extension = lower(path.extension().string());
  if (extension == ".csv") return read_csv(path, add);
  if (extension == ".json") return read_json(path, add);
  if (extension == ".jsonl") return read_lines(path, add);
  throw InputError(fmt::format("{}: expected a .jsonl, .json or .csv file, found \"{}\"",
                               path.string(), extension));
}

}  // namespace citer
