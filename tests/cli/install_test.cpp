// The program and the library as `cmake --install` leaves them: they find their libraries and the
// bundled pair there.
#include <regex>
#include <set>

#include "cli/program.h"

namespace citer {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
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

  /// Runs the installed program in a root that has it at /opt/citer, what its script needs (a shell
  /// and two tools with their libraries), and nothing else of this machine.
  test::ProcessResult run_on_bare_root(const test::Arguments& arguments) const {
    test::Arguments bwrap = {"--unshare-all", "--proc",    "/proc", "--dev",
                             "/dev",          "--ro-bind", place_,  "/opt/citer"};
    for (const std::string& file : files_of_shell()) {
      bwrap.insert(bwrap.end(), {"--ro-bind", fs::canonical(file), file});
    }
    bwrap.emplace_back("/opt/citer/bin/citer");
    bwrap.insert(bwrap.end(), arguments.begin(), arguments.end());
    return run("/usr/bin/bwrap", bwrap);
  }

  static std::set<std::string> files_of_shell() {
    std::set<std::string> files = {"/bin/sh", "/usr/bin/readlink", "/usr/bin/dirname"};
    const std::string needed = test::run_process("/usr/bin/ldd", {files.begin(), files.end()}).out;
    const std::regex library("(/\\S+) \\(0x");
    for (std::sregex_iterator found(needed.begin(), needed.end(), library), end; found != end;
         ++found) {
      files.insert((*found)[1]);
    }
    return files;
  }

  /// The files that a Debian package in the folder would install.
  std::string files_of_package(const std::string& name) const {
    return run("/usr/bin/dpkg-deb", {"-c", (folder_ / name).string()}).out;
  }

  test::TempDir folder_;
  test::TempDir elsewhere_folder_;
  std::string place_ = folder_ / "place";
  fs::path elsewhere_ = elsewhere_folder_.path();
};

TEST_F(Install, ProgramRunsFromItsPlaceAlone) {
  install({"--component", "program"});
  EXPECT_FALSE(fs::exists(place_ + "/include")) << "no headers without the library";
  for (const char* file : {"man/man1/citer-generate.1", "bash-completion/completions/citer",
                           "fish/vendor_completions.d/citer.fish", "zsh/site-functions/_citer"}) {
    EXPECT_TRUE(fs::exists(place_ + "/share/" + file)) << file;
  }
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

TEST_F(Install, ProgramRunsOnABareRoot) {
  if (test::run_process("/usr/bin/bwrap", {"--ro-bind", "/", "/", "true"}).status != 0) {
    GTEST_SKIP() << "bubblewrap is not installed, or may not make a root";
  }
  install({"--component", "program"});
  if (!fs::exists(place_ + "/lib/citer/runtime")) {
    GTEST_SKIP() << "built against the system's libraries, which stay where they are";
  }
  const std::string answer =
      run_on_bare_root({"generate", "-p", "Question: 3 + 4?\nSolution:", "-n", "8"}).out;
  EXPECT_GT(answer.size(), 1U);
}

TEST_F(Install, DebianPackagesHaveProgramAndLibraryApart) {
  if (test::run_process("/usr/bin/dpkg-deb", {"--version"}).status != 0) {
    GTEST_SKIP() << "dpkg is not installed";
  }
  const std::string settings = CITER_BUILD_DIR "/CPackConfig.cmake";
  run(fs::path(CITER_CMAKE).parent_path() / "cpack",
      {"--config", settings, "-G", "DEB", "-B", folder_.path()});
  std::string program;
  std::string library;
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    const std::string name = entry.path().filename();
    if (name.starts_with("citer_")) program = name;
    if (name.starts_with("libciter-dev_")) library = name;
  }
  EXPECT_THAT(files_of_package(program),
              AllOf(HasSubstr("./usr/bin/citer\n"), HasSubstr("./usr/share/citer/slm.gguf\n"),
                    Not(HasSubstr("./usr/include"))));
  EXPECT_THAT(files_of_package(library),
              AllOf(HasSubstr("./usr/include/citer/service.h\n"),
                    HasSubstr("./usr/lib/libciter.a\n"), Not(HasSubstr("./usr/bin"))));
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

/// The same by pkg-config, without CMake.
TEST_F(Install, PkgConfigServesAConsumer) {
  install();
  const std::string program = (folder_ / "route").string();
  const std::string compile =
      R"(exec c++ -std=c++20 -DMODELS="\"$(pkg-config --variable=modeldir citer)/\"" -o "$1" )"
      R"("$0" $(pkg-config --cflags --libs citer))";
  run("/bin/sh", {"-c", compile, CITER_SOURCE_DIR "/tests/consumer/route.cpp", program},
      {{"PKG_CONFIG_PATH", place_ + "/lib/pkgconfig"}});
  const test::ProcessResult answer =
      run(program, {"Question: 3 + 4?\nSolution:"}, {{"LD_DEBUG", "libs"}});
  EXPECT_GT(answer.out.size(), 1U);
  EXPECT_THAT(answer.err, Not(HasSubstr(CITER_SOURCE_DIR "/build/prefix")));
}

}  // namespace
}  // namespace citer
