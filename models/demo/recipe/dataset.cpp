#include "dataset.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/file.h"
#include "citer/error.h"
#include "math_task.h"
#include "mc_task.h"

namespace citer::demo {
namespace {

using Json = nlohmann::ordered_json;

std::string record_id(const std::string& task, const std::string& split, int number) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%04d", number);
  return task + "-" + split + "-" + digits;
}

/// A reference text goes without the space that separates it from the prompt. The offsets in `free`
/// count that space as well, so in the text stored they point at the words' first letters.
std::string reference(const WordedText& text) { return text.text.substr(1); }

Json math_record(const std::string& id, const MathProblem& problem) {
  return {{"id", id},
          {"prompt", problem.prompt()},
          {"problem", problem.problem},
          {"solution", reference(problem.solution)},
          {"free", problem.solution.free}};
}

Json mc_record(const std::string& id, const McProblem& problem, Rng& rng) {
  Json labels = Json::array();
  Json texts = Json::array();
  for (int i = 0; i < kChoices; ++i) {
    labels.push_back(std::string(1, McProblem::label(i)));
    texts.push_back(problem.choice_text(i));
  }
  const McAnswer answer = draw_mc_answer(problem.about, true_value(problem.about), rng);
  return {{"id", id},
          {"prompt", problem.prompt()},
          {"question", problem.question},
          {"choices", {{"label", labels}, {"text", texts}}},
          {"answerKey", std::string(1, McProblem::label(problem.correct))},
          {"cot", reference(answer.text)},
          {"free", answer.text.free}};
}

void write_math(const std::string& directory, const DatasetSizes& sizes, Rng& rng) {
  std::unordered_set<std::string> seen;
  const std::pair<const char*, int> splits[] = {
      {"train", sizes.math_train}, {"valid", sizes.math_valid}, {"test", sizes.math_test}};
  for (const auto& [split, count] : splits) {
    std::string lines;
    for (int n = 1; n <= count;) {
      const MathProblem problem = draw_math(rng);
      if (!seen.insert(problem.problem).second) continue;
      lines += math_record(record_id("math", split, n++), problem).dump() + "\n";
    }
    write_file(dataset_path(directory, "math", split), lines);
  }
}

void write_mc(const std::string& directory, const DatasetSizes& sizes, Rng& rng) {
  std::vector<Question> questions = all_questions();
  for (std::size_t i = questions.size() - 1; i > 0; --i) {
    const auto other = rng.uniform(0, static_cast<std::int64_t>(i));
    std::swap(questions[i], questions[static_cast<std::size_t>(other)]);
  }
  const int total = static_cast<int>(questions.size());
  const std::pair<const char*, int> splits[] = {{"valid", sizes.mc_valid},
                                                {"test", sizes.mc_test},
                                                {"train", total - sizes.mc_valid - sizes.mc_test}};
  std::size_t next = 0;
  for (const auto& [split, count] : splits) {
    std::string lines;
    for (int n = 1; n <= count; ++n) {
      const McProblem problem = draw_mc(questions.at(next++), rng);
      lines += mc_record(record_id("mc", split, n), problem, rng).dump() + "\n";
    }
    write_file(dataset_path(directory, "mc", split), lines);
  }
}

template <class KeyOf>
auto keys_of(const std::string& path, KeyOf key_of) {
  std::vector<decltype(key_of(Json()))> keys;
  for_each_line(path, [&](std::string_view line, int number) {
    try {
      keys.push_back(key_of(Json::parse(line)));
    } catch (const Json::exception& e) {
      throw InputError(path + ":" + std::to_string(number) + ": " + e.what());
    }
  });
  return keys;
}

}  // namespace

std::string dataset_path(const std::string& directory, const std::string& task,
                         const std::string& split) {
  return directory + "/" + task + "." + split + ".jsonl";
}

void write_datasets(const std::string& directory, const DatasetSizes& sizes, std::uint64_t seed) {
  Rng math(random_at(seed, 1, 0));
  write_math(directory, sizes, math);
  Rng mc(random_at(seed, 2, 0));
  write_mc(directory, sizes, mc);
}

std::vector<std::string> math_keys(const std::string& path) {
  return keys_of(path, [](const Json& record) { return record.at("problem").get<std::string>(); });
}

std::vector<std::string> mc_keys(const std::string& path) {
  return keys_of(path, [](const Json& record) {
    return mc_key(record.at("question").get<std::string>(),
                  record.at("choices").at("text").get<std::vector<std::string>>());
  });
}

std::vector<std::vector<std::size_t>> free_offsets(const std::string& path) {
  return keys_of(
      path, [](const Json& record) { return record.at("free").get<std::vector<std::size_t>>(); });
}

}  // namespace citer::demo
