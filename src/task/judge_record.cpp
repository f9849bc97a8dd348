#include "task/judge_record.h"

#include <fmt/format.h>

#include "base/file.h"
#include "task/code_record.h"
#include "task/latex.h"
#include "task/record_fields.h"
#include "task/text.h"

namespace citer {

using nlohmann::json;

namespace {

/// Text, or a number as it is written.
std::string math_gold(const json& object, const Place& place) {
  const json& value = field(object, "gold", place);
  const std::string text = value.is_number() ? value.dump() : string_field(object, "gold", place);
  std::string gold = normalize_math(text);
  if (gold.empty()) place.fail("an answer in \"gold\"", describe(value));
  return gold;
}

Example example_of(const json& object, const Place& place) {
  const std::string& data = string_field(object, "data", place);
  Example out;
  if (data == "code") {
    if (!is_code_record(object)) {
      place.fail(R"("entry_point" and "test", or "test_list")", field_names(object));
    }
    return code_example(object, place);
  }
  if (data == "math") {
    out.gold = math_gold(object, place);
  } else if (data == "mc") {
    out.kind = TaskKind::kChoice;
    out.choices = choices_of(object, place);
    out.gold = known_label(string_field(object, "gold", place), out.choices, "gold", place);
  } else {
    place.fail(R"("math", "mc" or "code" in "data")", fmt::format("\"{}\"", data));
  }
  return out;
}

/// The text to judge; it may be empty.
std::string text_of(const json& object, const Place& place) {
  const json& value = field(object, "text", place);
  if (!value.is_string()) place.fail("a string in \"text\"", describe(value));
  return value.get<std::string>();
}

}  // namespace

void read_judge_records(const std::filesystem::path& path,
                        const std::function<void(const JudgeRecord&)>& visit) {
  for_each_line(path, [&](std::string_view line, int number) {
    if (trim(line).empty()) return;
    const Place place{path, number};
    const json object = parse_json(line, path, number);
    if (!object.is_object()) place.fail("a JSON object", describe(object));
    const std::string text = text_of(object, place);
    visit({example_of(object, place), text});
  });
}

}  // namespace citer
