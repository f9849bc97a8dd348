// Routers on the command line: the bundled ones, budgets, and what is refused.
#include "cli/program.h"

namespace citer {
namespace {

using test::Arguments;
using test::json;
using test::kInputError;
using test::kUsageError;
using testing::AllOf;
using testing::HasSubstr;

class BundledRouters : public test::BundledProgramTest {
 protected:
  std::vector<json> answers(const std::string& prompts, const Arguments& extra) const {
    Arguments arguments = {"generate", "-np", "8", "--prompts", prompts};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return json_lines(run_long(arguments));
  }

  /// The LLM's share of all tokens.
  static double llm_share(const std::vector<json>& answers) {
    double llm = 0;
    double all = 0;
    for (const json& answer : answers) {
      llm += answer.at("llm_tokens").get<double>();
      all += answer.at("llm_tokens").get<double>() + answer.at("slm_tokens").get<double>();
    }
    return llm / all;
  }
};

TEST_F(BundledRouters, CiterIsTheDefault) {
  const std::string prompts = first_lines("math.test.jsonl", 4);
  const std::vector<json> plain = answers(prompts, {});
  const std::vector<json> named = answers(prompts, {"--policy", "citer"});
  const std::vector<json> other = answers(prompts, {"--policy", "maxprob"});
  ASSERT_EQ(plain.size(), 4U);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_EQ(plain[i].at("text"), named[i].at("text"));
    EXPECT_EQ(plain[i].at("threshold"), named[i].at("threshold"));
    EXPECT_NE(plain[i].at("threshold"), other[i].at("threshold"));
  }
}

TEST_F(BundledRouters, BudgetIsAboutTheLlmsShare) {
  first_lines("math.test.jsonl", 20);
  first_lines("mc.test.jsonl", 20);
  const std::string both = write("both.jsonl", read("math.test.jsonl") + read("mc.test.jsonl"));
  for (const double budget : {0.05, 0.2}) {
    const double share = llm_share(answers(both, {"--budget", std::to_string(budget)}));
    EXPECT_GT(share, 0.5 * budget);
    EXPECT_LT(share, 2.0 * budget);
  }
  EXPECT_EQ(llm_share(answers(both, {"--budget", "0"})), 0.0);
}

TEST_F(BundledRouters, BudgetNeedsACalibratedPolicyAndNoThreshold) {
  EXPECT_EQ(
      run_badly({"generate", "-p", "x", "--policy", "maxprob", "--budget", "0.1"}, kUsageError),
      "citer: --budget: policy 'maxprob' has no calibration curve; give a threshold\n");
  EXPECT_THAT(
      run_badly({"generate", "-p", "x", "--budget", "0.1", "--threshold", "0.5"}, kUsageError),
      HasSubstr("--threshold and --budget: give one, not both"));
  for (const char* budget : {"-0.1", "1.5", "nan"}) {
    EXPECT_THAT(run_badly({"generate", "-p", "x", "--budget", budget}, kUsageError),
                HasSubstr("--budget: expected a number in [0, 1]"));
  }
}

TEST_F(BundledRouters, TwoOfOnePolicyAreRefused) {
  write("other.gguf", [this] {
    std::ostringstream bytes;
    bytes << std::ifstream(bundled("router-citer.gguf"), std::ios::binary).rdbuf();
    return bytes.str();
  }());
  EXPECT_THAT(run_badly({"generate", "-p", "x", "--router",
                         bundled("router-citer.gguf") + "," + path("other.gguf")},
                        kUsageError),
              AllOf(HasSubstr("router-citer.gguf"), HasSubstr(path("other.gguf")),
                    HasSubstr("both stand for the policy citer"), HasSubstr("--router: ")));
}

TEST_F(BundledRouters, TruncatedIsSaid) {
  std::filesystem::copy_file(bundled("router-citer.gguf"), folder_ / "cut.gguf");
  std::filesystem::resize_file(folder_ / "cut.gguf", 20000);
  EXPECT_THAT(run_badly({"generate", "-p", "x", "--router", path("cut.gguf")}, kInputError),
              AllOf(HasSubstr(path("cut.gguf")), HasSubstr("truncated")));
  EXPECT_THAT(run_badly({"inspect", path("cut.gguf")}, kInputError), HasSubstr("truncated"));
}

TEST_F(BundledRouters, InspectShowsTheCurve) {
  const std::string text = run_well({"inspect", bundled("router-citer.gguf")});
  for (const char* part : {"architecture  citer-router", "policy        citer", "SLM           ",
                           "fingerprint", "default threshold", "LLM passes/token"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  const auto lines = std::count(text.begin(), text.end(), '\n');
  EXPECT_GT(lines, 15) << "a line per threshold";
}

TEST_F(BundledRouters, EvalUsesThem) {
  const std::string out = path("report");
  const std::string table =
      run_long({"eval", "--data", bundled("data/math.valid.jsonl"), "--policies", "citer,maxprob",
                "--limit", "8", "--budgets", "0.1", "--out", out});
  EXPECT_THAT(table, AllOf(HasSubstr("citer"), HasSubstr("maxprob")));
  const json summary = json::parse(std::ifstream(out + "/summary.json"));
  bool found = false;
  for (const json& run : summary.at("runs")) found |= run.at("policy") == "citer";
  EXPECT_TRUE(found);
}

/// The tiny pair, which has no routers of its own.
class Routers : public test::ProgramTest {};

TEST_F(Routers, LearnedPolicyWithoutOne) {
  EXPECT_THAT(run_badly({"generate", "-p", "x", "--policy", "citer"}, kUsageError),
              AllOf(HasSubstr("'citer'"), HasSubstr("--router")));
}

TEST_F(Routers, OfAnotherSlmIsRefusedNamingBoth) {
  const std::string router = CITER_SOURCE_DIR "/models/demo/router-citer.gguf";
  EXPECT_THAT(run_badly({"generate", "-p", "x", "--router", router}, kInputError),
              AllOf(HasSubstr(router), HasSubstr("trained for the SLM"),
                    HasSubstr(path("slm.gguf")), HasSubstr("'tiny'")));
}

TEST_F(BundledRouters, AnotherChatFormatThanTheRoutersIsNoted) {
  const auto write_router = [&](const std::string& format) {
    test::edit_gguf(bundled("router-citer.gguf"), folder_ / "r.gguf", [&](gguf_context* g) {
      gguf_set_val_str(g, "citer.chat_format", format.c_str());
    });
    return path("r.gguf");
  };
  const auto notes = [&](const std::string& router) {
    return run({"generate", "-n", "4", "--raw", "-p", "x", "--router", router}).err;
  };
  EXPECT_EQ(notes(bundled("router-citer.gguf")), "") << "it does not say";
  EXPECT_EQ(notes(write_router("raw")), "");
  EXPECT_EQ(notes(write_router("chat template 1234")),
            "citer: note: " + path("r.gguf") +
                ": trained on prompts in the format 'chat template 1234', here it is 'raw'\n");
}

TEST_F(Routers, AModelIsNone) {
  EXPECT_THAT(
      run_badly({"generate", "-p", "x", "--router", path("llm.gguf")}, kInputError),
      AllOf(HasSubstr(path("llm.gguf")), HasSubstr("'citer-router'"), HasSubstr("'llama'")));
  EXPECT_THAT(run_badly({"generate", "-p", "x", "--router", path("none.gguf")}, kInputError),
              HasSubstr(path("none.gguf") + ": no such file"));
}

}  // namespace
}  // namespace citer
