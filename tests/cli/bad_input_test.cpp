// Whatever the user gets wrong: one line that says what, the right exit status, nothing on stdout.
#include "cli/program.h"

namespace citer {
namespace {

using test::Arguments;
using test::kInputError;
using test::kUsageError;
using testing::AllOf;
using testing::HasSubstr;

class BadInput : public test::ProgramTest {
 protected:
  /// `citer generate` with the extra arguments.
  std::string generate_badly(const Arguments& extra, int status) const {
    Arguments arguments = {"generate"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return run_badly(arguments, status);
  }

  std::string with_llm(const std::string& name) const {
    return generate_badly({"-p", "x", "-md", path("slm.gguf"), "-m", path(name)}, kInputError);
  }

  std::string with_prompts(const std::string& lines) const {
    write("prompts.jsonl", lines);
    return generate_badly({"--prompts", path("prompts.jsonl")}, kInputError);
  }
};

TEST_F(BadInput, MissingModel) {
  EXPECT_EQ(with_llm("none.gguf"), "citer: " + path("none.gguf") + ": no such file\n");
}

TEST_F(BadInput, MissingBundledPairNamesWhereItWasLookedFor) {
  std::filesystem::remove(folder_ / "slm.gguf");
  EXPECT_THAT(generate_badly({"-p", "x"}, kInputError),
              HasSubstr(path("slm.gguf") + ": no such file"));
}

TEST_F(BadInput, NotAGguf) {
  write("text.gguf", "just text\n");
  EXPECT_THAT(with_llm("text.gguf"), HasSubstr(path("text.gguf") + ": not a GGUF file"));
}

TEST_F(BadInput, TruncatedGguf) {
  const std::string bytes = read("llm.gguf");
  for (const std::size_t size :
       {std::size_t{30}, std::size_t{5000}, bytes.size() / 2, bytes.size() - 1}) {
    write("cut.gguf", bytes.substr(0, size));
    EXPECT_THAT(with_llm("cut.gguf"), AllOf(HasSubstr(path("cut.gguf")), HasSubstr("truncated")));
  }
}

TEST_F(BadInput, GgufThatIsNoModelSaysWhy) {
  test::edit_gguf(folder_ / "llm.gguf", folder_ / "odd.gguf",
                  [](gguf_context* g) { gguf_set_val_str(g, "general.architecture", "abacus"); });
  EXPECT_THAT(with_llm("odd.gguf"), AllOf(HasSubstr(path("odd.gguf")), HasSubstr("abacus")));
  test::edit_gguf(folder_ / "llm.gguf", folder_ / "odd.gguf",
                  [](gguf_context* g) { gguf_remove_key(g, "llama.block_count"); });
  EXPECT_THAT(with_llm("odd.gguf"), HasSubstr("llama.block_count"));
}

TEST_F(BadInput, ModelWithoutADecoder) {
  test::write_encoder_model(folder_ / "encoder.gguf");
  EXPECT_THAT(with_llm("encoder.gguf"),
              HasSubstr(path("encoder.gguf") + ": this model does not "
                                               "generate text (it has no decoder)"));
  test::write_embedder_model(folder_ / "embedder.gguf");
  EXPECT_THAT(with_llm("embedder.gguf"),
              HasSubstr(path("embedder.gguf") + ": this model does not generate text"));
}

TEST_F(BadInput, PairOfDifferentVocabularies) {
  test::write_tiny_model(folder_ / "other.gguf",
                         {.token_texts = {{test::tiny_byte_token('e'), "yak"}}});
  EXPECT_THAT(with_llm("other.gguf"),
              AllOf(HasSubstr(path("slm.gguf")), HasSubstr(path("other.gguf")),
                    HasSubstr("not a pair"), HasSubstr("token 104 is "), HasSubstr("changes")));
}

TEST_F(BadInput, WhatTakesOneVocabulary) {
  test::write_tiny_model(folder_ / "other.gguf", {.token_texts = {{270, "yak"}}});
  const test::ProcessResult result = run({"generate", "-p", "x", "-md", path("slm.gguf"), "-m",
                                          path("other.gguf"), "--speculate", "4"});
  EXPECT_EQ(result.status, kUsageError);
  EXPECT_THAT(result.err, HasSubstr("note: the models' vocabularies differ"));
  EXPECT_THAT(result.err, HasSubstr("--speculate: speculation needs two models of one vocabulary"));
  EXPECT_THAT(
      run_badly({"advise", "-md", path("slm.gguf"), "-m", path("other.gguf")}, kInputError),
      AllOf(HasSubstr("advice needs two models of one vocabulary"), HasSubstr("token 270 is ")));
}

TEST_F(BadInput, OnlyOneModel) {
  for (const char* flag : {"-m", "-md", "--slm", "--llm"}) {
    EXPECT_THAT(generate_badly({"-p", "x", flag, path("slm.gguf")}, kUsageError),
                HasSubstr("give both models"));
  }
}

TEST_F(BadInput, PromptLongerThanTheContext) {
  EXPECT_THAT(generate_badly({"-p", std::string(200, 'x'), "-c", "100"}, kUsageError),
              AllOf(HasSubstr("-c: the prompt has 201 tokens"), HasSubstr("holds 100")));
  write("prompts.jsonl", "{\"id\":\"a\",\"prompt\":\"short\"}\n{\"id\":\"b\",\"prompt\":\"" +
                             std::string(200, 'x') + "\"}\n");
  EXPECT_THAT(generate_badly({"--prompts", path("prompts.jsonl"), "-c", "100"}, kUsageError),
              HasSubstr("prompt 'b': -c: the prompt has 201 tokens"));
}

TEST_F(BadInput, PromptAndLimitThatDoNotFitTheContext) {
  EXPECT_THAT(generate_badly({"-p", "x", "-c", "100", "-n", "200"}, kUsageError),
              AllOf(HasSubstr("-n and -c: "), HasSubstr("200 may follow"), HasSubstr("holds 100")));
}

TEST_F(BadInput, ThresholdOutOfRange) {
  for (const char* threshold : {"1.5", "-0.1", "nan", "inf"}) {
    EXPECT_THAT(generate_badly({"-p", "x", "--threshold", threshold}, kUsageError),
                HasSubstr("--threshold: expected a number in [0, 1]"))
        << threshold;
  }
}

TEST_F(BadInput, UnknownPolicy) {
  EXPECT_THAT(generate_badly({"-p", "x", "--policy", "guess"}, kUsageError),
              AllOf(HasSubstr("--policy: expected one of"), HasSubstr("'guess'"),
                    HasSubstr("maxprob"), HasSubstr("random:P")));
  EXPECT_THAT(generate_badly({"-p", "x", "--policy", "random:2"}, kUsageError),
              HasSubstr("[0, 1]"));
}

TEST_F(BadInput, MalformedPromptLinesAreNamed) {
  const std::string good = "{\"id\": 1, \"prompt\": \"x\"}\n";
  const std::string where = path("prompts.jsonl") + ":2: ";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{\"prompt\": ", "malformed JSON"},
      {"{\"prompt\": \"\xFF\"}", "malformed JSON"},
      {"{\"prompt\": \"x\", \"n\": 1e999}", "malformed JSON"},
      {"{\"prompt\": \"x\"} {}", "malformed JSON"},
      {"not json", "malformed JSON"},
      {"[1, 2]", "expected a JSON object, found array"},
      {"7", "expected a JSON object, found number"},
      {"{\"id\": 2}", "expected a field 'prompt'"},
      {"{\"messages\": null}", "expected a field 'prompt'"},
      {"{\"prompt\": 5}", "expected text in 'prompt', found number"},
      {"{\"prompt\": null}", "expected text in 'prompt', found null"},
      {"{\"id\": [1], \"prompt\": \"x\"}", "in 'id', found array"},
      {"{\"id\": 1.5, \"prompt\": \"x\"}", "in 'id', found number"},
      {"{\"id\": 1, \"prompt\": \"y\"}", "id '1' was used in line 1 already"},
      {"{\"id\": \"1\", \"prompt\": \"y\"}", "id '1' was used in line 1 already"},
      {"{\"messages\": []}", "a non-empty list in 'messages'"},
      {"{\"messages\": \"x\"}", "'messages', found string"},
      {"{\"messages\": [\"x\"]}", "an object in 'messages', found string"},
      {"{\"messages\": [{\"role\": \"user\"}]}", "a field 'content'"},
      {"{\"messages\": [{\"role\": 1, \"content\": \"x\"}]}", "text in 'role'"},
  };
  for (const auto& [line, expected] : cases) {
    EXPECT_THAT(with_prompts(good + line + "\n"), AllOf(HasSubstr(where), HasSubstr(expected)))
        << line;
  }
}

TEST_F(BadInput, DefaultIdsAreLineNumbersAndMustNotCollide) {
  EXPECT_THAT(with_prompts("{\"id\": \"2\", \"prompt\": \"x\"}\n{\"prompt\": \"y\"}\n"),
              HasSubstr(":2: id '2' was used in line 1 already"));
}

TEST_F(BadInput, NoPrompts) {
  EXPECT_THAT(with_prompts(""), HasSubstr(path("prompts.jsonl") + ": no prompts in it"));
  EXPECT_THAT(with_prompts("\n  \n"), HasSubstr("no prompts in it"));
  EXPECT_THAT(generate_badly({}, kUsageError), HasSubstr("give a prompt: -p, -f or --prompts"));
}

TEST_F(BadInput, PromptFilesThatCannotBeRead) {
  EXPECT_THAT(generate_badly({"-f", path("none.txt")}, kInputError),
              HasSubstr(path("none.txt") + ": cannot read"));
  EXPECT_THAT(generate_badly({"--prompts", path("none.jsonl")}, kInputError),
              HasSubstr(path("none.jsonl") + ": cannot read"));
  EXPECT_THAT(generate_badly({"-f", folder_.path().string()}, kInputError),
              HasSubstr("is a directory"));
}

TEST_F(BadInput, UnwritableTrace) {
  const std::string trace = path("no/such/folder/trace.jsonl");
  EXPECT_THAT(generate_badly({"-p", "x", "--trace", trace}, kInputError),
              HasSubstr(trace + ": cannot write"));
  EXPECT_THAT(generate_badly({"-p", "x", "--trace", folder_.path().string()}, kInputError),
              HasSubstr("is a directory"));
}

TEST_F(BadInput, LeavesAnOldTrace) {
  const std::string trace = write("trace.jsonl", "old\n");
  for (const Arguments& bad :
       {Arguments{"-p", "x", "-m", path("none.gguf"), "-md", path("slm.gguf")},
        Arguments{"-p", std::string(200, 'x'), "-c", "100"},
        Arguments{"-p", "x", "--top-p", "2"}}) {
    Arguments arguments = {"generate", "--trace", trace};
    arguments.insert(arguments.end(), bad.begin(), bad.end());
    EXPECT_NE(run(arguments).status, 0);
    EXPECT_EQ(read("trace.jsonl"), "old\n") << bad.back();
  }
}

TEST_F(BadInput, BadTemplates) {
  const std::string talk = "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}\n";
  EXPECT_THAT(with_prompts(talk), HasSubstr("no chat template"));
  write("prompts.jsonl", talk);
  write("own.jinja", "a\nb {{ ( }}\n");
  EXPECT_THAT(generate_badly(
                  {"--prompts", path("prompts.jsonl"), "--chat-template-file", path("own.jinja")},
                  kInputError),
              AllOf(HasSubstr(path("own.jinja")), HasSubstr("row 2")));
}

TEST_F(BadInput, Flags) {
  const std::vector<std::pair<Arguments, std::string>> cases = {
      {{"-p", "x", "--frobnicate"}, "--frobnicate"},
      {{"-p", "x", "-n", "many"}, "many"},
      {{"-p", "x", "--temp", "warm"}, "warm"},
      {{"-p", "x", "--temp", "-1"}, "--temp: expected a number >= 0"},
      {{"-p", "x", "--top-p", "0"}, "--top-p: expected a number in (0, 1]"},
      {{"-p", "x", "--repeat-penalty", "0"}, "--repeat-penalty"},
      {{"-p", "x", "-np", "0"}, "--parallel"},
      {{"-p", "x", "-b", "0"}, "--batch-size"},
      {{"-p", "x", "-c", "-5"}, "--ctx-size"},
      {{"-p", "x", "-t", "-1"}, "--threads"},
      {{"-p", "x", "--color", "blue"}, "--color"},
      {{"-p", "x", "-f", "y"}, "--prompt"},
      {{"-p", "x", "--prompts", "y"}, "--prompt"},
      {{"-p"}, "--prompt"},
      {{"-p", "x", "-ctk", "int3"}, "'int3'"},
      {{"-p", "x", "-fa", "maybe"}, "--flash-attn: expected on, off or auto, found 'maybe'"},
      {{"-p", "x", "--row-reading", "moon"}, "--row-reading: expected device, host or auto"},
      {{"-p", "x", "--overlap", "maybe"}, "--overlap: expected on, off or auto"},
      {{"-p", "x", "stray"}, "stray"},
  };
  for (const auto& [arguments, expected] : cases) {
    EXPECT_THAT(generate_badly(arguments, kUsageError), HasSubstr(expected));
  }
  EXPECT_THAT(generate_badly({"-p", "x", "-dev", "Abacus0"}, kInputError), HasSubstr("'Abacus0'"));
}

TEST_F(BadInput, NoCommand) {
  run_badly({}, kUsageError);
  run_badly({"--frobnicate"}, kUsageError);
  EXPECT_EQ(run_badly({"frobnicate"}, kUsageError),
            "citer: unknown command 'frobnicate'; expected one of generate, chat, inspect, bench, "
            "eval, collect, train, calibrate, serve, judge, advise, devices, rpc-server\n");
}

}  // namespace
}  // namespace citer
