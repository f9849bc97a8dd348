#include "task/code_record.h"

#include <fmt/format.h>

#include "task/text.h"

namespace citer {

using nlohmann::json;

namespace {

Example human_eval_example(const json& object, const Place& place) {
  Example out;
  out.question = string_field(object, "prompt", place);
  out.prompt = out.question;
  out.entry_point = string_field(object, "entry_point", place);
  out.reference = optional_string(object, "canonical_solution", place);
  out.gold = fmt::format("{}\ncheck({})\n", string_field(object, "test", place), out.entry_point);
  return out;
}

Example mbpp_example(const json& object, const Place& place) {
  Example out;
  out.question = optional_string(object, "text", place);
  if (out.question.empty()) out.question = string_field(object, "prompt", place);
  out.reference = optional_string(object, "code", place);
  const auto tests = optional_strings(object, "test_list", place);
  if (tests.empty()) place.fail("at least one test in \"test_list\"", "none");
  for (const std::string& line : optional_strings(object, "test_imports", place)) {
    out.gold += line + "\n";
  }
  out.gold += optional_string(object, "test_setup_code", place) + "\n";
  out.question += "\n\nThe code must pass these tests:\n\n";
  for (const std::string& test : tests) {
    out.gold += test + "\n";
    out.question += test + "\n";
  }
  return out;
}

}  // namespace

bool is_code_record(const json& object) {
  return object.contains("test_list") ||
         (object.contains("entry_point") && object.contains("test"));
}

Example code_example(const json& object, const Place& place) {
  Example out = object.contains("test_list") ? mbpp_example(object, place)
                                             : human_eval_example(object, place);
  out.kind = TaskKind::kCode;
  out.id = optional_id(object, "task_id", place);
  return out;
}

}  // namespace citer
