// What is wrong in a file of models is said with file, model and flag.
#include "cli/program.h"

namespace citer {
namespace {

using test::kInputError;
using test::kUsageError;
using testing::HasSubstr;
using testing::StartsWith;

class ServedModels : public test::ProgramTest {
 protected:
  /// What is said of a file with this in it, after its name.
  std::string said_of(const std::string& text, const test::Arguments& more = {}) const {
    write("models.json", text);
    test::Arguments arguments = {"serve", "--port", "0", "--models", path("models.json")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const std::string said = run_badly(arguments, kInputError);
    const std::string start = "citer: " + path("models.json");
    EXPECT_THAT(said, StartsWith(start));
    return said.substr(std::min(said.size(), start.size()));
  }
};

TEST_F(ServedModels, WhatIsNoFileOfModels) {
  EXPECT_EQ(said_of("{\"a\": {},\n  \"b\" 7}"), ":2:7: no JSON\n");
  EXPECT_EQ(said_of("[]"), ": expected an object of models by name, found none\n");
  EXPECT_EQ(said_of("{}"), ": expected an object of models by name, found none\n");
  EXPECT_EQ(said_of("[1]"), ": expected an object of models by name, found array\n");
  EXPECT_EQ(said_of(R"({"a": 7})"), ": a: expected an object of flags, found number\n");
  EXPECT_EQ(said_of(R"({"a": {}, "a": {}})"), ": 'a' stands there twice\n");
  EXPECT_THAT(said_of(R"({"a b": {}})"), HasSubstr("letters, digits and - . _ / :, found 'a b'"));
  EXPECT_THAT(run_badly({"serve", "--models", path("none.json")}, kInputError),
              HasSubstr(path("none.json")));
}

TEST_F(ServedModels, FlagsThatAreWrong) {
  EXPECT_THAT(said_of(R"({"a": {"treshold": 0.5}})"), StartsWith(": a.treshold: no such flag"));
  EXPECT_THAT(said_of(R"({"a": {"port": 80}})"), StartsWith(": a.port: no such flag"));
  EXPECT_EQ(said_of(R"({"a": {"threshold": {}}})"),
            ": a.threshold: expected a text, a number or a list of them, found object\n");
  EXPECT_EQ(said_of(R"({"a": {"ignore-eos": 1}})"),
            ": a.ignore-eos: expected true or false, found number\n");
  EXPECT_THAT(said_of(R"({"a": {"threshold": 2}})"),
              StartsWith(": a: --threshold: expected a number in [0, 1], found 2"));
  EXPECT_THAT(said_of(R"({"a": {"parallel": 0}})"), StartsWith(": a: --parallel:"));
  EXPECT_THAT(said_of(R"({"a": {"policy": "best"}})"), HasSubstr("'best'"));
}

TEST_F(ServedModels, ModelsThatAreWrong) {
  EXPECT_EQ(said_of(R"({"a": {"model": "none.gguf"}})"), ": none.gguf: no such file\n");
  EXPECT_THAT(said_of(R"({"a": {"slm": "slm.gguf", "policy": "maxprob"}})"),
              StartsWith(": a: one model alone is not routed"));
  EXPECT_THAT(said_of(R"({"a": {}, "b": {"alias": ["a"]}})"), HasSubstr("a: named twice"));
  EXPECT_THAT(said_of(R"({"a": {"ctx-size": 100000}})", {"--models-memory", "1"}),
              HasSubstr("but models may take 1 MiB"));
}

TEST_F(ServedModels, WhatIsSaidInTheFileIsNotSaidBesideIt) {
  write("models.json", R"({"a": {}})");
  for (const char* flag : {"--ctx-size", "--threshold", "--alias", "--model"}) {
    EXPECT_THAT(run_badly({"serve", "--models", path("models.json"), flag, "1"}, kUsageError),
                testing::AllOf(HasSubstr("--models"), HasSubstr("excludes")))
        << flag;
  }
  EXPECT_THAT(run_badly({"serve", "--models-idle", "9"}, kUsageError), HasSubstr("--models"));
}

}  // namespace
}  // namespace citer
