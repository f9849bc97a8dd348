// Promises on the command line, on the bundled pair.
#include "cli/program.h"

namespace citer {
namespace {

using test::Arguments;
using test::json;
using test::kInputError;
using test::kUsageError;
using testing::AllOf;
using testing::HasSubstr;

class PromiseFlags : public test::BundledProgramTest {
 protected:
  /// The bundled router, with other harms among so many right answers of the LLM.
  std::string router_with(double examples, const std::vector<double>& harms) {
    test::edit_gguf(bundled("router-citer.gguf"), folder_ / "r.gguf", [&](gguf_context* g) {
      const char* task = "shop";
      gguf_set_arr_str(g, "citer.evidence.tasks", &task, 1);
      gguf_set_arr_data(g, "citer.evidence.examples", GGUF_TYPE_FLOAT64, &examples, 1);
      gguf_set_arr_data(g, "citer.evidence.harms", GGUF_TYPE_FLOAT64, harms.data(), harms.size());
      const std::vector<double> answers(10 * 50);
      gguf_set_arr_data(g, "citer.evidence.disagreements", GGUF_TYPE_FLOAT64, answers.data(),
                        answers.size());
    });
    return path("r.gguf");
  }

  json answer(const Arguments& extra) const {
    Arguments arguments = {"generate", "--json", "-n", "60", "-p", kQuestion};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return json_lines(run_well(arguments)).at(0);
  }

  const std::string kQuestion =
      "Question: Mia has 34 stickers. She buys 6 packs with 12 stickers each. How many stickers "
      "does Mia have now?\nSolution:";
  const std::vector<double> kHarms = {90, 70, 50, 30, 20, 9, 4, 2, 0, 0};
};

TEST_F(PromiseFlags, ThresholdIsTheCheapestThatKeepsIt) {
  const std::string router = router_with(1000, kHarms);
  const json shown = answer({"--router", router, "--accuracy", "0.99"});
  EXPECT_EQ(shown.at("promise").at("task"), "shop");
  EXPECT_EQ(shown.at("promise").at("harms"), 4);
  EXPECT_EQ(shown.at("promise").at("threshold"), shown.at("threshold"));
  EXPECT_LT(shown.at("threshold"), 1.0);
  const json less = answer({"--router", router, "--accuracy", "0.95"});
  EXPECT_EQ(less.at("promise").at("harms"), 30);
  EXPECT_LT(less.at("threshold"), shown.at("threshold"));
  EXPECT_FALSE(answer({"--router", router, "--threshold", "0.5"}).contains("promise"));
}

TEST_F(PromiseFlags, TooFewExamplesMeanTheLlmAlone) {
  const std::string router = router_with(100, std::vector<double>(10, 0.0));
  const json shown = answer({"--router", router, "--accuracy", "0.99"});
  EXPECT_TRUE(shown.at("promise").at("threshold").is_null());
  EXPECT_EQ(shown.at("promise").at("needed"), 299);
  EXPECT_EQ(shown.at("llm_share"), 1.0);
  EXPECT_EQ(shown.at("slm_passes"), 0);
  const auto run = this->run({"generate", "--stats", "--router", router, "--accuracy", "0.99", "-n",
                              "4", "-p", kQuestion});
  EXPECT_THAT(run.err, AllOf(HasSubstr("99 % of the LLM's right answers at 95 % confidence: not "
                                       "shown, the LLM alone writes"),
                             HasSubstr("it would take 299")));
}

TEST_F(PromiseFlags, CalibrateMakesWhatPromisesAreMadeOf) {
  const std::string data = first_lines("mc.valid.jsonl", 12);
  const std::string out =
      run_long({"calibrate", "--router", bundled("router-citer.gguf"), "--data", data, "--budgets",
                "0.1,0.3", "--accuracy", "0.5", "--out", path("c.gguf")});
  EXPECT_THAT(out, AllOf(HasSubstr("50 % of the LLM's right answers"), HasSubstr("c.gguf")));
  EXPECT_THAT(run_well({"inspect", path("c.gguf")}),
              AllOf(HasSubstr("promise       50 %"),
                    testing::ContainsRegex("harms         of 1[0-2] right answers of the LLM to "
                                           "mc.valid: [0-9]+, [0-9]+\n")));
  EXPECT_EQ(answer({"--router", path("c.gguf")}).at("promise").at("accuracy"), 0.5)
      << "the stored one";
  EXPECT_EQ(answer({"--router", path("c.gguf"), "--accuracy", "0.6", "--confidence", "0.9"})
                .at("promise")
                .at("confidence"),
            0.9);
}

TEST_F(PromiseFlags, WhatCannotBePromised) {
  const auto error = [&](Arguments extra, int status = kUsageError) {
    Arguments arguments = {"generate", "-p", "x"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return run_badly(arguments, status);
  };
  EXPECT_EQ(error({"--accuracy", "0.9", "--threshold", "0.5"}),
            "citer: --accuracy and --threshold: give one, not both\n");
  EXPECT_EQ(error({"--accuracy", "0.9", "--budget", "0.5"}),
            "citer: --accuracy and --budget: give one, not both\n");
  EXPECT_THAT(error({"--accuracy", "1"}), HasSubstr("--accuracy: expected more than 0"));
  EXPECT_THAT(error({"--confidence", "0.9"}), HasSubstr("--accuracy"));
  EXPECT_EQ(error({"--accuracy", "0.9", "--policy", "maxprob"}),
            "citer: --accuracy: policy 'maxprob' has no outcomes of validation examples, of which "
            "it could be promised\n");
  EXPECT_THAT(error({"--router", router_with(100.5, kHarms)}, kInputError),
              HasSubstr("citer.evidence.examples: expected whole numbers"));
  EXPECT_THAT(error({"--router", router_with(100, {1, 2})}, kInputError),
              HasSubstr("citer.evidence.harms: arrays of 10 and 2 entries"));
}

}  // namespace
}  // namespace citer
