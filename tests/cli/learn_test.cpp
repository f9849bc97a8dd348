// citer collect and citer train as a user runs them, on the bundled pair.
#include <chrono>

#include <fmt/format.h>

#include "base/rng.h"
#include "cli/program.h"

namespace citer {
namespace {

using std::chrono::milliseconds;
using test::Arguments;
using test::kInputError;
using test::kUsageError;
using testing::AllOf;
using testing::HasSubstr;

class Learn : public test::BundledProgramTest {
 protected:
  static Arguments joined(Arguments a, const Arguments& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  /// `citer collect` over the first examples of a bundled training file.
  Arguments collect(const std::string& out, const std::string& limit,
                    const Arguments& extra = {}) const {
    return joined({"collect", "--data", bundled("data/mc.train.jsonl"), "--limit", limit,
                   "--workers", "2", "--out", path(out)},
                  extra);
  }

  /// `citer train` in one round on a pair of one's own, quickly.
  Arguments train_own_pair(const std::string& data, const std::string& folds,
                           const Arguments& extra) const {
    for (const char* file : {"slm.gguf", "llm.gguf"}) {
      std::filesystem::copy_file(bundled(file), path(file));
    }
    return joined(
        {"train", "-m", path("llm.gguf"), "-md", path("slm.gguf"), "--rounds", "1", "--data", data,
         "--epochs", "2", "--folds", folds, "-n", "48", "--workers", "2", "--out", path("r.gguf")},
        extra);
  }

  /// `citer train` on preferences, quickly.
  Arguments train(const std::string& preferences, const std::string& out,
                  const Arguments& extra = {}) const {
    return joined({"train", "--preferences", path(preferences), "--out", path(out), "--epochs", "2",
                   "--folds", "4", "--valid", first_lines("mc.valid.jsonl", 8)},
                  extra);
  }
};

TEST_F(Learn, CollectKilledAtAnyMomentEndsWithTheSameFile) {
  const auto start = std::chrono::steady_clock::now();
  run_long(collect("whole.gguf", "96"));
  const auto whole =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
  Rng rng(11);
  int killed = 0;
  for (int i = 0; i < 5; ++i) {
    const milliseconds moment(rng.uniform(whole.count() / 10, whole.count() * 7 / 10));
    killed += run(collect("killed.gguf", "96"), "", moment).status == 128 + SIGKILL ? 1 : 0;
  }
  EXPECT_GE(killed, 1);
  run_long(collect("killed.gguf", "96"));
  EXPECT_TRUE(read("killed.gguf") == read("whole.gguf"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "killed.gguf.parts"));
}

TEST_F(Learn, PreferencesBecomeARouterThatGenerateTakes) {
  EXPECT_THAT(run_long(collect("p.gguf", "40")), HasSubstr("positions of 40 examples"));
  const std::string shown = run_well({"inspect", path("p.gguf")});
  for (const char* part :
       {"architecture  citer-preferences", "of 40 examples",
        "labels        outcome, states of reference, judged by answer, continued by llm",
        "both models agree", "by rollouts", "not rolled out", "mc.train"}) {
    EXPECT_THAT(shown, HasSubstr(part));
  }
  const test::ProcessResult trained = run(train("p.gguf", "r.gguf", {"--type", "q8_0"}));
  EXPECT_EQ(trained.status, 0) << trained.err;
  EXPECT_THAT(trained.err, HasSubstr("epoch   1"));
  EXPECT_EQ(trained.out, path("r.gguf") + "\n");
  EXPECT_THAT(run_well({"inspect", path("r.gguf")}),
              testing::ContainsRegex("calibration   [0-9]+ examples, SLM alone"));
  EXPECT_NE(run_well({"generate", "--router", path("r.gguf"), "--policy", "citer", "--budget",
                      "0.1", "-n", "8", "-p", "Question: Why?\nAnswer:"}),
            "");
}

TEST_F(Learn, APairOfOnesOwnIsCalibratedOnAPartOfItsData) {
  const test::ProcessResult trained =
      run(train_own_pair(first_lines("mc.train.jsonl", 40), "4",
                         {"--template", "Question: {question}\nChoices:\n{choices}\nAnswer:"}));
  ASSERT_EQ(trained.status, 0) << trained.err;
  const std::string router = run_well({"inspect", path("r.gguf")});
  const std::string preferences =
      run_well({"inspect", path("r.gguf.rounds/round-1/preferences.gguf")});
  EXPECT_THAT(router, HasSubstr("prompts       chat template "));
  const auto number_before = [](const std::string& text, const std::string& what) {
    const std::size_t end = text.find(what);
    EXPECT_NE(end, std::string::npos) << text;
    return std::stoi(text.substr(text.rfind(' ', end - 1)));
  };
  const int validation = number_before(router, " examples, SLM alone");
  EXPECT_GT(validation, 0);
  EXPECT_EQ(validation + number_before(preferences, " examples, "), 40);
}

TEST_F(Learn, PlainPromptsSuffice) {
  std::string prompts;
  for (int i = 0; i < 30; ++i) {
    prompts += fmt::format(R"({{"prompt":"Question: Mia has {} pens. She buys {} more. How many )"
                           R"(pens does she have?\nSolution:"}})"
                           "\n",
                           3 + i, 40 - i);
  }
  const Arguments train =
      train_own_pair(write("plain.jsonl", prompts), "3", {"--reference", "llm"});
  const test::ProcessResult judged = run(train);
  EXPECT_EQ(judged.status, kInputError);
  EXPECT_THAT(judged.err,
              HasSubstr("is a prompt without a right answer, which the judge 'answer' compares"));
  const test::ProcessResult taught = run(joined(train, {"--labels", "teacher"}));
  ASSERT_EQ(taught.status, 0) << taught.err;
  EXPECT_THAT(taught.err, HasSubstr("the router is not calibrated"));
  EXPECT_THAT(run_well({"inspect", path("r.gguf.rounds/round-1/preferences.gguf")}),
              AllOf(HasSubstr("teacher, states of llm"), HasSubstr("by the LLM's view")));
  EXPECT_EQ(run({"eval", "--data", path("plain.jsonl"), "--out", path("e")}).status, kInputError);
}

TEST_F(Learn, FitsTheTimeAndGoesOn) {
  const auto learn = [&] {
    const test::ProcessResult done =
        run({"train", "--time", "1s", "--limit", "64", "--epochs", "1", "--folds", "3",
             "--positions", "1", "--workers", "1", "--out", path("r.gguf")});
    EXPECT_EQ(done.status, 0) << done.err;
    const std::string shown = run_well({"inspect", path("r.gguf.rounds/round-1/preferences.gguf")});
    const std::size_t end = shown.find(" examples, ");
    return std::stoi(shown.substr(shown.rfind(' ', end - 1)));
  };
  const int first = learn();
  EXPECT_LT(first, 128);
  EXPECT_GT(learn(), first) << "the same command goes on";
  EXPECT_THAT(run_well({"inspect", path("r.gguf")}),
              HasSubstr("calibration   16 examples, SLM alone"));
}

TEST_F(Learn, PreferencesOfAnotherSlmAreRefused) {
  run_long(collect("p.gguf", "4"));
  test::write_tiny_model(folder_ / "tiny.gguf");
  EXPECT_THAT(
      run_badly(train("p.gguf", "r.gguf", {"-m", path("tiny.gguf"), "-md", path("tiny.gguf")}),
                kInputError),
      AllOf(HasSubstr(path("p.gguf") + ": collected with the SLM"),
            HasSubstr(path("tiny.gguf") + " is 'tiny'")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "r.gguf"));
}

TEST_F(Learn, BadFiles) {
  EXPECT_THAT(run_badly(train("none.gguf", "r.gguf"), kInputError),
              HasSubstr(path("none.gguf") + ": no such file"));
  EXPECT_THAT(run_badly({"train", "--preferences", bundled("slm.gguf"), "--out", path("r.gguf")},
                        kInputError),
              AllOf(HasSubstr("slm.gguf"), HasSubstr("'citer-preferences'")));
  EXPECT_THAT(
      run_badly({"collect", "--data", path("none.jsonl"), "--out", path("p.gguf")}, kInputError),
      HasSubstr(path("none.jsonl")));
  EXPECT_THAT(run_badly({"collect", "--data", write("empty.jsonl", ""), "--out", path("p.gguf")},
                        kInputError),
              HasSubstr(path("empty.jsonl")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "p.gguf"));
}

TEST_F(Learn, BadFlags) {
  const std::vector<std::pair<Arguments, std::string>> cases = {
      {collect("p.gguf", "4", {"--labels", "guess"}),
       "--labels: expected one of paper, reward, outcome, teacher, found 'guess'"},
      {collect("p.gguf", "4", {"--states", "none"}),
       "--states: expected reference or policy, found 'none'"},
      {collect("p.gguf", "4", {"--reference", "me"}),
       "--reference: expected data or llm, found 'me'"},
      {collect("p.gguf", "4", {"--states", "policy", "--labels", "paper"}),
       "--states and --labels: what the policy writes has no reference"},
      {collect("p.gguf", "4", {"--judge", "me"}),
       "--judge: expected one of answer, agreement, llm, command, found 'me'"},
      {collect("p.gguf", "4", {"--judge", "command"}), "--judge-command: name a command"},
      {collect("p.gguf", "4", {"--continue", "me"}),
       "--continue: expected one of llm, policy, found 'me'"},
      {collect("p.gguf", "4", {"--positions", "-1"}), "--positions"},
      {{"train", "--out", path("r.gguf"), "--time", "soon"}, "--time"},
      {collect("p.gguf", "4", {"--rollouts", "0"}), "--rollouts: expected 1 or more, found 0"},
      {collect("p.gguf", "4", {"--threshold", "2"}), "--threshold"},
      {{"collect"}, "--out"},
      {{"train", "--out", path("r.gguf")}, "--preferences FILE"},
      {{"train", "--out", path("r.gguf"), "--rounds", "0"}, "--rounds"},
      {train("p.gguf", "r.gguf", {"--rounds", "2"}), "--preferences FILE"},
      {train("p.gguf", "r.gguf", {"--features", "smell"}),
       "--features: expected hidden, confidence or hidden+confidence, found 'smell'"},
      {train("p.gguf", "r.gguf", {"--type", "q3"}),
       "--type: expected f32, f16 or q8_0, found 'q3'"},
      {train("p.gguf", "r.gguf", {"--policy", "maxprob"}),
       "--policy: expected one of citer, citer-s, co-llm, query, found 'maxprob'"},
      {{"train", "--rounds", "2", "--out", path("r.gguf"), "--folds", "1"},
       "--folds: expected 2 or more, found 1"},
      {train("p.gguf", "r.gguf", {"--epochs", "0"}), "--epochs: expected 1 or more, found 0"},
      {train("p.gguf", "r.gguf", {"--batch", "0"}), "--batch"},
      {train("p.gguf", "r.gguf", {"--dropout", "1"}), "--dropout"},
  };
  for (const auto& [arguments, expected] : cases) {
    EXPECT_THAT(run_badly(arguments, kUsageError), HasSubstr(expected));
  }
}

}  // namespace
}  // namespace citer
