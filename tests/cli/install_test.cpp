// The program and the library as `cmake --install` leaves them: they find their libraries and the
// bundled pair there.
#include "cli/program.h"

namespace citer {
namespace {

namespace fs = std::filesystem;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class Install : public testing::Test {
 protected:
  /// Runs a program to success, elsewhere; what it wrote.
  test::ProcessResult run(const fs::path& program, const test::Arguments& arguments,
                          const std::map<std::string, std::string>& environment = {}) const {
    test::ProcessResult result =
        test::run_process(program, arguments, {.environment = environment, .folder = elsewhere_});
    EXPECT_EQ(result.status, 0) << result.out << result.err;
    return result;
  }

  void install(const test::Arguments& which = {}) const {
    test::Arguments arguments = {"--install", CITER_BUILD_DIR, "--prefix", place_};
    arguments.insert(arguments.end(), which.begin(), which.end());
    run(CITER_CMAKE, arguments);
  }

  test::TempDir folder_;
  test::TempDir elsewhere_folder_;
  std::string place_ = folder_ / "place";
  fs::path elsewhere_ = elsewhere_folder_.path();
};

TEST_F(Install, ProgramRunsFromItsPlaceAlone) {
  install({"--component", "program"});
  EXPECT_FALSE(fs::exists(place_ + "/include")) << "no headers without the library";
  const std::string program = place_ + "/bin/citer";
  const test::ProcessResult version = run(program, {"--version"}, {{"LD_DEBUG", "libs"}});
  EXPECT_THAT(version.out, testing::StartsWith("citer "));
  EXPECT_THAT(version.err, Not(HasSubstr(CITER_SOURCE_DIR "/build/prefix")))
      << "no library of the build";

  const test::ProcessResult answer =
      run(program, {"generate", "-p", "Question: 3 + 4?\nSolution:", "-n", "8"},
          {{"LD_DEBUG", "libs"}});
  EXPECT_GT(answer.out.size(), 1U);
  EXPECT_THAT(answer.err, Not(HasSubstr(CITER_SOURCE_DIR "/build/prefix")))
      << "no backend of the build";

  const std::string slm = place_ + "/share/citer/slm.gguf";
  ASSERT_TRUE(fs::exists(slm));
  std::ofstream(slm) << "no model";
  EXPECT_THAT(test::run_process(program, {"generate", "-p", "x"}).err,
              HasSubstr("share/citer/slm.gguf: not a GGUF file"))
      << "the installed pair is the one that is read";
}

/// A project that links citer::citer: it routes by a policy of its own, trains and evaluates.
TEST_F(Install, LibraryServesAConsumer) {
  install();
  const std::string build = folder_ / "build";
  run(CITER_CMAKE, {"-S", CITER_SOURCE_DIR "/tests/consumer", "-B", build,
                    "-DCMAKE_PREFIX_PATH=" + place_, "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON"});
  run(CITER_CMAKE, {"--build", build, "--parallel", "2"});

  const test::ProcessResult answer =
      run(build + "/route",
          {"Question: Xenia has 136 dollars. She spends 29 dollars on badges and 39 dollars on "
           "shells. How many dollars does Xenia keep?\nSolution:"},
          {{"LD_DEBUG", "libs"}});
  EXPECT_THAT(answer.out, HasSubstr("\\boxed{"));
  EXPECT_THAT(answer.out, ContainsRegex("\\[[^]]+\\]")) << "the LLM wrote some";
  EXPECT_THAT(answer.out, ContainsRegex("(^|\\])[^[]")) << "and the SLM the rest";
  EXPECT_THAT(answer.err, Not(HasSubstr(CITER_SOURCE_DIR "/build/prefix")));

  const test::ProcessResult learned = run(build + "/learn", {elsewhere_.string()});
  EXPECT_EQ(learned.err, "") << "the library prints nothing";
  for (const char* line :
       {"collect 48/48\n", "calibrate 64/64\n", "slm: accuracy 0.", "LLM share 0\n",
        "citer: accuracy ", "llm: accuracy ", "LLM share 1\n"}) {
    EXPECT_THAT(learned.out, HasSubstr(line));
  }
  for (const char* file : {"router.gguf", "report/summary.json", "report/report.html"}) {
    EXPECT_TRUE(fs::exists(elsewhere_ / file)) << file;
  }
}

}  // namespace
}  // namespace citer
