// Manual pages and completions, which `cmake --install` has the program write.
#include <regex>

#include "cli/program.h"

namespace citer {
namespace {

namespace fs = std::filesystem;
using test::Arguments;
using testing::HasSubstr;
using testing::StartsWith;

std::string without_backslashes(std::string text) {
  std::erase(text, '\\');
  return text;
}

class Manual : public test::ProgramTest {
 protected:
  Manual() { run_well({"manual", path("manual")}); }

  std::vector<std::string> commands() const {
    std::vector<std::string> names;
    const std::regex page("citer-(.*)\\.1");
    for (const auto& entry : fs::directory_iterator(path("manual"))) {
      std::smatch name;
      const std::string file = entry.path().filename();
      if (std::regex_match(file, name, page)) names.push_back(name[1]);
    }
    return names;
  }

  /// What bash offers for the last of the words.
  std::string bash(Arguments words) const {
    words.insert(words.begin(), {"-c",
                                 R"(. "$0"; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _citer; )"
                                 R"(printf '%s\n' "${COMPREPLY[@]}")",
                                 path("manual/citer.bash")});
    const test::ProcessResult result = test::run_process("/bin/bash", words);
    EXPECT_EQ(result.err, "");
    return result.out;
  }

  std::string fish(const std::string& line) const {
    const test::ProcessResult result = test::run_process(
        "/usr/bin/fish", {"--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
                          path("manual/citer.fish"), line});
    EXPECT_EQ(result.err, "");
    return result.out;
  }
};

TEST_F(Manual, PagesNameEveryFlagThatHelpNames) {
  EXPECT_THAT(commands(), testing::IsSupersetOf({"generate", "serve", "devices"}));
  EXPECT_THAT(commands(), testing::Not(testing::Contains("manual"))) << "hidden";
  const std::regex flags_of_line("\n  (-[^ ]+)");
  for (const std::string& command : commands()) {
    const std::string page = without_backslashes(read("manual/citer-" + command + ".1"));
    const std::string help = run_well({command, "--help"});
    for (std::sregex_iterator line(help.begin(), help.end(), flags_of_line), end; line != end;
         ++line) {
      std::istringstream flags((*line)[1]);
      for (std::string flag; std::getline(flags, flag, ',');) {
        EXPECT_THAT(page, HasSubstr("fB" + flag + "fR")) << command;
      }
    }
  }
}

TEST_F(Manual, PagesSayShortFlagsChoicesAndDefaults) {
  const std::string page = without_backslashes(read("manual/citer-generate.1"));
  EXPECT_THAT(page, HasSubstr("fB-ngldfR, fB--n-gpu-layers-draftfR fIINTfR\nSLM layers"));
  EXPECT_THAT(page, HasSubstr("fB--reasoningfR on|off|auto\n"));
  EXPECT_THAT(page, HasSubstr("Temperature; 0 is greedy [0]\n"));
  EXPECT_THAT(without_backslashes(read("manual/citer.1")), HasSubstr("fBadvisefR\n"));
}

TEST_F(Manual, PagesAreFreeOfWarnings) {
  if (!fs::exists("/usr/bin/groff")) GTEST_SKIP() << "groff is not installed";
  Arguments arguments = {"-man", "-ww", "-z"};
  for (const std::string& command : commands()) {
    arguments.push_back(path("manual/citer-" + command + ".1"));
  }
  arguments.push_back(path("manual/citer.1"));
  const test::ProcessResult result = test::run_process("/usr/bin/groff", arguments);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
}

TEST_F(Manual, BashCompletesCommandsFlagsAndChoices) {
  EXPECT_EQ(bash({"citer", "gen"}), "generate\n");
  EXPECT_EQ(bash({"citer", "generate", "--col"}), "--color\n");
  EXPECT_EQ(bash({"citer", "serve", "--col"}), "\n") << "a flag of other commands";
  EXPECT_EQ(bash({"citer", "generate", "-ng"}), "-ngl\n-ngld\n");
  EXPECT_EQ(bash({"citer", "generate", "--color", "a"}), "always\nauto\n");
  EXPECT_EQ(bash({"citer", "generate", "--trace", "x"}), "\n") << "bash goes on with files";
}

TEST_F(Manual, FishCompletesCommandsFlagsAndChoices) {
  if (!fs::exists("/usr/bin/fish")) GTEST_SKIP() << "fish is not installed";
  EXPECT_THAT(fish("citer gene"), StartsWith("generate\tWrite answers"));
  EXPECT_THAT(fish("citer generate --colo"), StartsWith("--color\tColour"));
  EXPECT_THAT(fish("citer generate --color au"), StartsWith("auto\t"));
}

TEST_F(Manual, ZshTakesTheScript) {
  if (!fs::exists("/bin/zsh")) GTEST_SKIP() << "zsh is not installed";
  const test::ProcessResult result =
      test::run_process("/bin/zsh", {"-f", "-n", path("manual/citer.zsh")});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
}

}  // namespace
}  // namespace citer
