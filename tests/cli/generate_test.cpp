// What `citer generate` prints and writes.
#include "cli/program.h"

namespace citer {
namespace {

using test::Arguments;
using test::json;
using testing::HasSubstr;
using testing::Not;

class Generate : public test::ProgramTest {
 protected:
  /// Arguments for the tiny pair: a limit and a threshold that mixes the writers.
  static Arguments with(const Arguments& extra) {
    Arguments arguments = {"generate", "-n", "30", "--threshold", "0.6", "--ignore-eos"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return arguments;
  }

  std::string write_prompts(int n) const {
    std::string lines;
    for (int i = 0; i < n; ++i) {
      lines += json{{"id", "p" + std::to_string(i)},
                    {"prompt", "the bird has " + std::to_string(i * 41) + std::string(i * 3, '.')}}
                   .dump() +
               "\n";
    }
    return write("prompts.jsonl", lines);
  }
};

TEST_F(Generate, TextGoesToStdoutAlone) {
  const std::string text = run_well(with({"-p", "the small bird"}));
  const json object =
      test::ProgramTest::json_lines(run_well(with({"-p", "the small bird", "--json"}))).at(0);
  EXPECT_THAT(text, testing::EndsWith("\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b"))) << "no colours unless on a terminal";
  EXPECT_EQ(object.at("tokens"), 30);
}

TEST_F(Generate, PromptFromAFileIsTheSame) {
  write("prompt.txt", "the small bird");
  EXPECT_EQ(run_well(with({"-f", "prompt.txt"})), run_well(with({"-p", "the small bird"})));
}

TEST_F(Generate, ColoursTheLlmsTokensOnRequest) {
  std::string text = run_well(with({"-p", "the small bird", "--color", "always"}));
  EXPECT_THAT(text, HasSubstr("\x1b["));
  for (std::size_t at; (at = text.find('\x1b')) != std::string::npos;) {
    text.erase(at, text.find('m', at) - at + 1);
  }
  EXPECT_EQ(text, run_well(with({"-p", "the small bird"})));
}

TEST_F(Generate, StatsLineHasTokensShareAndSpeeds) {
  const test::ProcessResult result = run(with({"-p", "the small bird", "--stats"}));
  EXPECT_EQ(result.status, 0);
  for (const char* part : {"30 tokens", "by the LLM", "%", "passes", "positions", "tokens/s", "SLM",
                           "the LLM alone"}) {
    EXPECT_THAT(result.err, HasSubstr(part));
  }
}

TEST_F(Generate, JsonHasTheFields) {
  const auto objects =
      json_lines(run_well(with({"-p", "the small bird", "--json", "--speculate", "off"})));
  ASSERT_EQ(objects.size(), 1U);
  const json& o = objects[0];
  EXPECT_TRUE(o.at("id").is_string());
  EXPECT_TRUE(o.at("text").is_string());
  EXPECT_EQ(o.at("finish_reason"), "length");
  EXPECT_EQ(o.at("tokens"), 30);
  EXPECT_EQ(o.at("slm_tokens").get<int>() + o.at("llm_tokens").get<int>(), 30);
  EXPECT_GT(o.at("slm_tokens"), 0);
  EXPECT_GT(o.at("llm_tokens"), 0);
  EXPECT_DOUBLE_EQ(o.at("llm_share"), o.at("llm_tokens").get<double>() / 30);
  EXPECT_DOUBLE_EQ(o.at("threshold"), 0.6);
  EXPECT_EQ(o.at("slm_passes"), 30);
  // Now and then a pass catches up first, so that a short one is timed.
  EXPECT_GE(o.at("llm_passes"), o.at("llm_tokens"));
  EXPECT_LE(o.at("llm_passes").get<int>(), o.at("llm_tokens").get<int>() + 2);
  EXPECT_EQ(o.at("slm_positions"), o.at("prompt_tokens").get<int>() + 29);
  EXPECT_LE(o.at("llm_positions"), o.at("slm_positions"));
  for (const char* positive : {"tokens_per_second", "seconds", "slm_seconds", "llm_seconds"}) {
    EXPECT_GT(o.at(positive).get<double>(), 0.0) << positive;
  }
  EXPECT_LE(o.at("slm_seconds").get<double>() + o.at("llm_seconds").get<double>(),
            o.at("seconds").get<double>());
}

TEST_F(Generate, TraceHasALinePerToken) {
  for (const char* prompt : {"the small bird", "\xC3\xA9", "12 + 7"}) {
    const json answer = json_lines(run_well(with({"-p", prompt, "--json", "--trace", "trace.jsonl",
                                                  "--speculate", "off"})))
                            .at(0);
    const auto lines = json_lines(read("trace.jsonl"));
    ASSERT_EQ(lines.size(), answer.at("tokens").get<std::size_t>());
    std::string text;
    int llm = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const json& line = lines[i];
      EXPECT_EQ(line.at("prompt"), answer.at("id"));
      EXPECT_EQ(line.at("position"), i);
      EXPECT_TRUE(line.at("id").is_number_integer());
      const bool by_llm = line.at("writer") == "llm";
      EXPECT_TRUE(by_llm || line.at("writer") == "slm");
      EXPECT_EQ(by_llm, line.at("score") < 0.6);
      EXPECT_GT(line.at("slm_seconds"), 0.0);
      EXPECT_EQ(line.at("llm_seconds") > 0.0, by_llm);
      text += line.at("text").get<std::string>();
      llm += by_llm ? 1 : 0;
    }
    EXPECT_EQ(text, answer.at("text"));
    EXPECT_EQ(llm, answer.at("llm_tokens"));
  }
}

TEST_F(Generate, TraceOfManyPromptsNamesEach) {
  run_well(with({"--prompts", write_prompts(4), "-np", "2", "--trace", "trace.jsonl"}));
  std::map<std::string, int> lines;
  for (const json& line : json_lines(read("trace.jsonl"))) {
    EXPECT_EQ(line.at("position"), lines[line.at("prompt")]++) << "in order within a prompt";
  }
  EXPECT_EQ(lines, (std::map<std::string, int>{{"p0", 30}, {"p1", 30}, {"p2", 30}, {"p3", 30}}));
}

TEST_F(Generate, NullInAPromptsFileIsAsIfMissing) {
  const auto answers = [&](const std::string& more) {
    const std::string file = write("prompts.jsonl", R"({"prompt": "the bird")" + more + "}\n");
    return json_lines(run_well(with({"--prompts", file}))).at(0);
  };
  const json plain = answers("");
  const json with_nulls = answers(R"(, "messages": null, "id": null)");
  EXPECT_EQ(with_nulls.at("id"), "1");
  EXPECT_EQ(with_nulls.at("text"), plain.at("text"));
}

TEST_F(Generate, ManyPromptsKeepTheirOrderAndTexts) {
  const std::string file = write_prompts(13);
  // Otherwise batches of other sizes may round to other texts.
  const Arguments exact = {"-fa", "off",   "-ctk", "f32",   "-ctv",
                           "f32", "-ctkd", "f32",  "-ctvd", "f32"};
  const auto answers = [&](const std::string& parallel) {
    Arguments arguments = with({"--prompts", file, "-np", parallel});
    arguments.insert(arguments.end(), exact.begin(), exact.end());
    return json_lines(run_well(arguments));
  };
  const std::vector<json> solo = answers("1");
  const std::vector<json> batched = answers("8");
  ASSERT_EQ(solo.size(), 13U);
  ASSERT_EQ(batched.size(), 13U);
  for (std::size_t i = 0; i < 13; ++i) {
    EXPECT_EQ(solo[i].at("id"), "p" + std::to_string(i));
    EXPECT_EQ(batched[i].at("id"), solo[i].at("id"));
    EXPECT_EQ(batched[i].at("text"), solo[i].at("text"));
    EXPECT_EQ(batched[i].at("llm_tokens"), solo[i].at("llm_tokens"));
  }
}

TEST_F(Generate, IdsMayBeNumbersOrLeftOut) {
  write("prompts.jsonl",
        "{\"id\": 70, \"prompt\": \"a\", \"other\": [1]}\r\n\n{\"prompt\": \"b\"}\n"
        "{\"id\": \"x y\", \"prompt\": \"c\"}");
  const auto objects = json_lines(run_well(with({"--prompts", "prompts.jsonl"})));
  ASSERT_EQ(objects.size(), 3U);
  EXPECT_EQ(objects[0].at("id"), "70");
  EXPECT_EQ(objects[1].at("id"), "3") << "the line's number";
  EXPECT_EQ(objects[2].at("id"), "x y");
}

TEST_F(Generate, StopStringsEndTheText) {
  const std::string whole = run_well(with({"-p", "the small bird"}));
  // A stretch of plain characters from the middle of the text.
  std::string stop;
  for (std::size_t i = 5; i + 3 < whole.size() && stop.empty(); ++i) {
    const std::string_view part = std::string_view(whole).substr(i, 3);
    if (std::all_of(part.begin(), part.end(), [](char c) { return c > ' ' && c < 0x7F; }))
      stop = part;
  }
  ASSERT_FALSE(stop.empty());
  const json o =
      json_lines(run_well(with({"-p", "the small bird", "--json", "-r", "never", "-r", stop})))
          .at(0);
  EXPECT_EQ(o.at("finish_reason"), "stop");
  EXPECT_EQ(run_well(with({"-p", "the small bird", "--stop", stop})),
            whole.substr(0, whole.find(stop)) + "\n");
}

TEST_F(Generate, StopStringsInBracketsAreTakenAsTheyAre) {
  // "[a]" must not end the text at a plain "a".
  const std::string whole = run_well(with({"-p", "the small bird"}));
  std::string letter;
  for (const char c : whole) {
    if (letter.empty() && c > ' ' && c < 0x7F) letter = c;
  }
  ASSERT_FALSE(letter.empty());
  ASSERT_THAT(whole, Not(HasSubstr("[" + letter + "]")));
  EXPECT_EQ(run_well(with({"-p", "the small bird", "-r", "[" + letter + "]"})), whole);
}

TEST_F(Generate, PromptsThatLookLikeFlagsAreText) {
  for (const char* prompt : {"-list", "--json", "-5", "[1, 2]", "", "%%", "{}"}) {
    const json o = json_lines(run_well(with({"--json", "-p", prompt}))).at(0);
    EXPECT_EQ(o.at("prompt_tokens"), 1 + std::string(prompt).size()) << prompt;
  }
}

TEST_F(Generate, SeedDecidesSampledText) {
  const auto text = [&](const std::string& seed) {
    return run_well(with({"-p", "the small bird", "--temp", "1.5", "-s", seed}));
  };
  EXPECT_EQ(text("1"), text("1"));
  EXPECT_NE(text("1"), text("2"));
}

TEST_F(Generate, ThresholdsAndPoliciesAtTheEnds) {
  const auto counters = [&](const Arguments& extra) {
    Arguments arguments = {"generate", "-p",           "the small bird", "-n",
                           "12",       "--ignore-eos", "--json"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return json_lines(run_well(arguments)).at(0);
  };
  EXPECT_EQ(counters({"--policy", "slm"}).at("llm_passes"), 0);
  EXPECT_EQ(counters({"--policy", "llm"}).at("slm_passes"), 0);
  EXPECT_EQ(counters({"--threshold", "0"}).at("llm_tokens"), 0);
  EXPECT_EQ(counters({"--threshold", "1"}).at("slm_tokens"), 0);
  EXPECT_EQ(counters({"--policy", "llm"}).at("text"), counters({"--threshold", "1"}).at("text"));
  EXPECT_EQ(counters({"--policy", "slm"}).at("text"), counters({"--threshold", "0"}).at("text"));
}

TEST_F(Generate, TakesLlamaCppsFlags) {
  const Arguments pair = {"-md", path("slm.gguf"), "-m", path("llm.gguf")};
  const std::string text = run_well(with({"-p", "the small bird"}));
  for (const Arguments& flags :
       {Arguments{"-ngl", "0", "-ngld", "0", "-t", "1", "-td", "1", "-c", "128", "-b", "64"},
        Arguments{"-fa", "auto", "-dev", "none", "-devd", "none", "-ctk", "f16", "-ctv", "f16",
                  "-ctkd", "f16", "-ctvd", "f16", "-np", "2", "--no-mmap"},
        Arguments{"--n-gpu-layers", "0", "--threads", "1", "--ctx-size", "128", "--batch-size",
                  "64", "--parallel", "1", "--top-k", "1", "--top-p", "0.9", "--min-p", "0.1"}}) {
    Arguments arguments = with(pair);
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    arguments.insert(arguments.end(), {"-p", "the small bird"});
    EXPECT_EQ(run_well(arguments), text);
  }
}

TEST_F(Generate, OfAFlagGivenTwiceTheLastCounts) {
  EXPECT_EQ(run_well(with({"-n", "7", "-p", "a tree", "-p", "the small bird", "--temp", "2",
                           "--temp", "0", "-n", "30"})),
            run_well(with({"-p", "the small bird"})));
}

TEST_F(Generate, LongFormsNameTheModels) {
  EXPECT_EQ(
      run_well(with({"--slm", path("slm.gguf"), "--llm", path("llm.gguf"), "-p", "a"})),
      run_well(with({"--model-draft", path("slm.gguf"), "--model", path("llm.gguf"), "-p", "a"})));
}

TEST_F(Generate, FileNamesOfAnyBytesAreShown) {
  const std::string name = "caf\xE9.txt";  // Latin-1
  write(name, "the small bird");
  const json o = json_lines(run_well(with({"-f", name, "--json"}))).at(0);
  EXPECT_EQ(o.at("id"), "caf\xEF\xBF\xBD.txt");
}

TEST_F(Generate, VersionAndHelp) {
  EXPECT_THAT(run_well({"--version"}),
              testing::MatchesRegex("citer [0-9.]+ \\(libllama [0-9.]+, ggml [0-9.]+\\)\n"));
  EXPECT_THAT(run_well({"--help"}), HasSubstr("generate"));
  const std::string help = run_well({"generate", "--help"});
  for (const char* flag :
       {"--slm", "-md", "--llm", "--policy", "--threshold", "-ngl", "-ngld", "-c", "-t", "-p", "-f",
        "-n", "--temp", "-s", "--prompts", "--json", "--trace"}) {
    EXPECT_THAT(help, HasSubstr(flag));
  }
}

}  // namespace
}  // namespace citer
