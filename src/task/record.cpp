#include "task/record.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "citer/error.h"
#include "task/code_record.h"
#include "task/csv.h"
#include "task/latex.h"
#include "task/marks.h"
#include "task/record_fields.h"
#include "task/text.h"

namespace citer {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

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

/// A prompt, and perhaps a text that may follow it.
Example open_example(const json& object, const Place& place) {
  Example out;
  out.kind = TaskKind::kOpen;
  out.question = string_field(object, "prompt", place);
  out.reference = optional_string(object, "reference", place);
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
  if (is_code_record(object)) {
    out = code_example(object, place);
  } else if (has_choices(object)) {
    out = choice_example(object, place);
  } else if (object.contains("problem")) {
    out = boxed_example(object, place);
  } else if (object.contains("question") && object.contains("answer")) {
    out = gsm8k_example(object, place);
  } else if (object.contains("prompt")) {
    out = open_example(object, place);
  } else {
    place.fail(
        "\"problem\" and \"solution\", or \"question\" and \"answer\", or \"question\", "
        "\"choices\" and \"answerKey\", or \"entry_point\" and \"test\", or \"test_list\", or "
        "\"prompt\"",
        field_names(object));
  }
  if (out.id.empty()) out.id = optional_id(object, "id", place);
  if (out.kind != TaskKind::kCode) out.prompt = optional_string(object, "prompt", place);
  return out;
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
