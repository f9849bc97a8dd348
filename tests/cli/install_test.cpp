// The program as `cmake --install` leaves it: it finds its libraries and the bundled pair there.
#include "cli/program.h"

namespace citer {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Install, RunsFromItsPlaceAlone) {
  const test::TempDir folder;
  const test::TempDir elsewhere;
  const std::string place = (folder / "place").string();
  const test::ProcessResult installed =
      test::run_process(CITER_CMAKE, {"--install", CITER_BUILD_DIR, "--prefix", place});
  ASSERT_EQ(installed.status, 0) << installed.err;
  const auto run = [&](const test::Arguments& arguments) {
    return test::run_process(place + "/bin/citer", arguments,
                             {.environment = {{"LD_DEBUG", "libs"}}, .folder = elsewhere.path()});
  };

  const test::ProcessResult version = run({"--version"});
  EXPECT_EQ(version.status, 0) << version.err;
  EXPECT_THAT(version.out, testing::StartsWith("citer "));
  EXPECT_THAT(version.err, Not(HasSubstr(CITER_SOURCE_DIR "/build/prefix")))
      << "no library of the build";

  const test::ProcessResult answer =
      run({"generate", "-p", "Question: 3 + 4?\nSolution:", "-n", "8"});
  EXPECT_EQ(answer.status, 0) << answer.err;
  EXPECT_GT(answer.out.size(), 1U);

  const std::string slm = place + "/share/citer/slm.gguf";
  ASSERT_TRUE(std::filesystem::exists(slm));
  std::ofstream(slm) << "no model";
  EXPECT_THAT(run({"generate", "-p", "x"}).err, HasSubstr("share/citer/slm.gguf: not a GGUF file"))
      << "the installed pair is the one that is read";
}

}  // namespace
}  // namespace citer
