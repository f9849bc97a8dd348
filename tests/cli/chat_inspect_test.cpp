#include "cli/program.h"
#include "support/architectures.h"

namespace citer {
namespace {

using test::kInputError;
using test::kUsageError;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class Chat : public test::ProgramTest {
 protected:
  Chat() {
    const test::TinyModelOptions options = {
        .chat_template =
            "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:",
        .seed = 31};
    test::write_tiny_model(folder_ / "llm.gguf", options);
    test::write_close_model(folder_ / "llm.gguf", folder_ / "slm.gguf", 0.15F);
  }

  std::string prompt_answer(const std::string& prompt) const {
    return run_well({"generate", "-n", "6", "--ignore-eos", "-p", prompt});
  }
};

TEST_F(Chat, AnswersEachLineOfStdin) {
  const std::string first = prompt_answer("user: how many?\nassistant:");
  const std::string said = first.substr(0, first.size() - 1);
  const std::string second =
      prompt_answer("user: how many?\nassistant: " + said + "\nuser: more\nassistant:");
  EXPECT_EQ(run_well({"chat", "-n", "6", "--ignore-eos"}, "how many?\n\nmore\n"), first + second);
}

TEST_F(Chat, SystemPromptComesFirst) {
  EXPECT_EQ(run_well({"chat", "-n", "6", "--ignore-eos", "-sys", "be brief"}, "how many?"),
            prompt_answer("system: be brief\nuser: how many?\nassistant:"));
}

TEST_F(Chat, TemplateFileOverrides) {
  const std::string file = write("own.jinja", "<{{ messages[0].content }}>");
  EXPECT_EQ(run_well({"chat", "-n", "6", "--ignore-eos", "--chat-template-file", file}, "x"),
            prompt_answer("<x>"));
}

TEST_F(Chat, AnyBytesMayBeSaid) {
  const test::ProcessResult result = run({"chat", "-n", "6", "--ignore-eos"}, "a\xFF\xC3z\nmore\n");
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(Chat, NothingSaidNothingAnswered) { EXPECT_EQ(run_well({"chat"}, ""), ""); }

class ChatWithoutTemplate : public test::ProgramTest {};

TEST_F(ChatWithoutTemplate, SaysWhatToDo) {
  const test::ProcessResult result = run({"chat", "-n", "6"}, "hello\n");
  EXPECT_EQ(result.status, kInputError);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, AllOf(StartsWith("citer: "), HasSubstr("no chat template"),
                                HasSubstr("give a chat template file")));
}

class Inspect : public test::ProgramTest {};

TEST_F(Inspect, TellsWhatAFileIs) {
  const std::string text = run_well({"inspect", path("slm.gguf")});
  for (const char* part : {"slm.gguf", "llama", "n_embd 32", "300 tokens", "chat template no",
                           "memory        keys and values of every token", "x f32"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(run_well({"inspect", "--metadata", path("slm.gguf")}),
              HasSubstr("llama.context_length = 512"));
}

TEST_F(Inspect, TellsAPair) {
  test::write_tiny_model(folder_ / "big.gguf", {.n_embd = 64, .n_ff = 192});
  const std::string text = run_well({"inspect", path("slm.gguf"), path("big.gguf")});
  EXPECT_THAT(text, HasSubstr("a pair: same vocabulary; the second has"));
  EXPECT_THAT(run_well({"inspect", path("big.gguf"), path("slm.gguf")}),
              HasSubstr("the first has"));
}

TEST_F(Inspect, TellsWhatIsNoPair) {
  test::write_tiny_model(folder_ / "other.gguf", {.token_texts = {{270, "yak"}}});
  const test::ProcessResult result = run({"inspect", path("slm.gguf"), path("other.gguf")});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, AllOf(HasSubstr("no pair"), HasSubstr("token 270")));
}

TEST_F(Inspect, TellsWhatAModelKeeps) {
  test::write_architecture(folder_ / "mamba.gguf", "mamba");
  EXPECT_THAT(run_well({"inspect", path("mamba.gguf")}),
              HasSubstr("memory        a recurrent state"));
  test::write_architecture(folder_ / "gemma2.gguf", "gemma2");
  EXPECT_THAT(run_well({"inspect", path("gemma2.gguf")}), HasSubstr("of the last 8 tokens"));
}

TEST_F(Inspect, BrokenFiles) {
  write("text.gguf", "text");
  EXPECT_THAT(run_badly({"inspect", path("text.gguf")}, kInputError), HasSubstr("not a GGUF"));
  write("cut.gguf", read("slm.gguf").substr(0, 20000));
  EXPECT_THAT(run_badly({"inspect", path("cut.gguf")}, kInputError), HasSubstr("truncated"));
  EXPECT_THAT(run_badly({"inspect", path("none.gguf")}, kInputError), HasSubstr("no such file"));
  EXPECT_THAT(run_badly({"inspect"}, kUsageError), HasSubstr("name a GGUF file"));
}

TEST_F(Inspect, ListsDevices) { EXPECT_THAT(run_well({"inspect", "--devices"}), HasSubstr("CPU")); }

}  // namespace
}  // namespace citer
