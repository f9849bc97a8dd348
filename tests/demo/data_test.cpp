// The data files: what they must hold, that no problem is in two of them, and that training never
// shows a held-out problem.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "corpus.h"
#include "dataset.h"
#include "support/temp_dir.h"

namespace citer::demo {
namespace {

using Json = nlohmann::json;

const char* const kData = CITER_SOURCE_DIR "/models/demo/data";

std::vector<Json> records(const std::string& task, const std::string& split) {
  std::vector<Json> out;
  for_each_line(dataset_path(kData, task, split),
                [&](std::string_view line, int) { out.push_back(Json::parse(line)); });
  return out;
}

TEST(DataFiles, HaveTheirSizes) {
  EXPECT_GE(records("math", "train").size(), 1500U);
  EXPECT_GE(records("math", "valid").size(), 300U);
  EXPECT_GE(records("math", "test").size(), 1000U);
  EXPECT_GE(records("mc", "train").size(), 1000U);
  EXPECT_GE(records("mc", "valid").size(), 300U);
  EXPECT_GE(records("mc", "test").size(), 1000U);
}

TEST(DataFiles, NoProblemOccursTwice) {
  for (const auto& [task, field] :
       std::map<std::string, std::string>{{"math", "problem"}, {"mc", "question"}}) {
    std::map<std::string, std::string> seen;
    std::set<std::string> ids;
    for (const char* split : {"train", "valid", "test"}) {
      for (const Json& record : records(task, split)) {
        const auto text = record.at(field).get<std::string>();
        const auto [at, is_new] = seen.emplace(text, split);
        EXPECT_TRUE(is_new) << text << " in " << at->second << " and " << split;
        EXPECT_TRUE(ids.insert(record.at("id").get<std::string>()).second);
      }
    }
  }
}

TEST(DataFiles, AreWhatTheRecipeWrites) {
  const test::TempDir folder;
  write_datasets(folder.path().string(), {}, 20260);
  for (const char* task : {"math", "mc"}) {
    for (const char* split : {"train", "valid", "test"}) {
      EXPECT_EQ(read_file(dataset_path(folder.path().string(), task, split)),
                read_file(dataset_path(kData, task, split)))
          << task << " " << split;
    }
  }
}

/// What follows each "Question: " in a text, up to the word that asks for the answer.
std::vector<std::string> problems_in(const std::string& text, const std::string& end) {
  std::vector<std::string> out;
  for (std::size_t at = text.find("Question: "); at != std::string::npos;
       at = text.find("Question: ", at + 1)) {
    const std::size_t stop = text.find(end, at);
    if (stop != std::string::npos) out.push_back(text.substr(at + 10, stop - at - 10));
  }
  return out;
}

/// The held-out problems as prompts show them; a choice set in any order is one problem.
std::set<std::string> held_out_prompts(const std::string& task) {
  std::set<std::string> out;
  for (const char* split : {"valid", "test"}) {
    for (const Json& record : records(task, split)) {
      if (task == "math") {
        out.insert(record.at("problem").get<std::string>());
      } else {
        out.insert(mc_key(record.at("question").get<std::string>(),
                          record.at("choices").at("text").get<std::vector<std::string>>()));
      }
    }
  }
  return out;
}

/// mc_key() of "question\nChoices:\n(A) ...\n(E) ..." as a prompt has it.
std::string key_of_prompt(const std::string& prompt) {
  const std::size_t at = prompt.find("\nChoices:");
  std::vector<std::string> choices;
  for (std::size_t open = prompt.find("\n(", at); open != std::string::npos;
       open = prompt.find("\n(", open + 1)) {
    const std::size_t end = prompt.find('\n', open + 1);
    choices.push_back(prompt.substr(open + 5, end == std::string::npos ? end : end - open - 5));
  }
  return mc_key(prompt.substr(0, at), choices);
}

TEST(TrainingStream, NeverShowsAHeldOutProblem) {
  const Vocabulary vocabulary = Vocabulary::load(CITER_SOURCE_DIR "/models/demo/vocab.txt");
  const HeldOut held_out = load_held_out(kData);
  const auto math = held_out_prompts("math");
  const auto mc = held_out_prompts("mc");
  int seen = 0;
  for (Role role : {Role::kSlm, Role::kLlm}) {
    const Corpus corpus(role, vocabulary, held_out, 20260);
    for (std::uint64_t index = 0; index < 4000; ++index) {
      const std::string text = vocabulary.decode(corpus.document(index, {50, 50, 0, 0}).input);
      for (const std::string& problem : problems_in(text, "\nSolution:")) {
        EXPECT_FALSE(math.contains(problem)) << problem;
        ++seen;
      }
      for (const std::string& prompt : problems_in(text, "\nAnswer:")) {
        EXPECT_FALSE(mc.contains(key_of_prompt(prompt))) << prompt;
        ++seen;
      }
    }
  }
  EXPECT_GT(seen, 7000);
}

TEST(TrainingStream, DrawsAgainWhereAProblemIsHeldOut) {
  const Vocabulary vocabulary = Vocabulary::load(CITER_SOURCE_DIR "/models/demo/vocab.txt");
  const HeldOut none;
  const Corpus free(Role::kLlm, vocabulary, none, 5);
  HeldOut first;
  for (std::uint64_t index = 0; index < 50; ++index) {
    const std::string text = vocabulary.decode(free.document(index, {1, 0, 0, 0}).input);
    for (std::string& problem : problems_in(text, "\nSolution:")) first.insert(std::move(problem));
  }
  ASSERT_GE(first.size(), 50U);
  const Corpus filtered(Role::kLlm, vocabulary, first, 5);
  for (std::uint64_t index = 0; index < 50; ++index) {
    const std::string text = vocabulary.decode(filtered.document(index, {1, 0, 0, 0}).input);
    for (const std::string& problem : problems_in(text, "\nSolution:")) {
      EXPECT_FALSE(first.contains(problem)) << problem;
    }
  }
}

TEST(TrainingStream, DependsOnSeedAndIndexAlone) {
  const Vocabulary vocabulary = Vocabulary::load(CITER_SOURCE_DIR "/models/demo/vocab.txt");
  const HeldOut none;
  const Corpus one(Role::kSlm, vocabulary, none, 9);
  const Corpus other(Role::kSlm, vocabulary, none, 9);
  const Corpus third(Role::kSlm, vocabulary, none, 10);
  const Mix mix{1, 1, 1, 1};
  other.document(3, mix);
  EXPECT_EQ(one.document(7, mix).input, other.document(7, mix).input);
  EXPECT_EQ(one.document(7, mix).target, other.document(7, mix).target);
  EXPECT_NE(one.document(7, mix).input, third.document(7, mix).input);
}

}  // namespace
}  // namespace citer::demo
