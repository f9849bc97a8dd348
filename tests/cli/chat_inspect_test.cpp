#include "base/utf8.h"
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
    return run_well({"generate", "-n", "6", "--ignore-eos", "--raw", "-p", prompt});
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

TEST_F(Chat, GeneratePutsItsPromptIntoTheTemplate) {
  const std::string asked = prompt_answer("system: be brief\nuser: how many?\nassistant:");
  const test::Arguments flags = {"generate", "-n", "6", "--ignore-eos", "-sys", "be brief"};
  const auto with = [&](const test::Arguments& more) {
    test::Arguments all = flags;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  EXPECT_EQ(run_well(with({"-p", "how many?"})), asked);
  const auto lines = json_lines(
      run_long(with({"--prompts", write("prompts.jsonl", R"({"prompt": "how many?"})")})));
  EXPECT_EQ(lines.at(0).at("text").get<std::string>() + "\n", valid_utf8(asked));
}

TEST_F(Chat, EvalAsksByTheTemplateAsByHand) {
  const std::string record = R"({"problem": "How many?", "solution": "\\boxed{5}")";
  write("by-model.jsonl", record + R"(, "prompt": "how many?"})" + "\n");
  write("by-hand.jsonl", record + R"(, "prompt": "user: how many?\nassistant:"})" + "\n");
  const auto answers = [&](const std::string& name, const test::Arguments& more) {
    test::Arguments all = {"eval",       "--data",  path(name + ".jsonl"),
                           "--policies", "slm,llm", "-n",
                           "20",         "--out",   path(name)};
    all.insert(all.end(), more.begin(), more.end());
    run_long(all);
    std::vector<std::string> texts;
    for (const auto& chunk : json_lines(read(name + "/records.jsonl"))) {
      texts.push_back(chunk.at("examples").at(0).at("text"));
    }
    return texts;
  };
  const auto by_model = answers("by-model", {});
  EXPECT_EQ(by_model.size(), 2U);
  EXPECT_EQ(by_model, answers("by-hand", {"--no-chat-template"}));
}

TEST_F(Chat, WhatMeansNothingWithRawPromptsIsRefused) {
  EXPECT_EQ(run_badly({"generate", "-p", "x", "--raw", "-sys", "be brief"}, kUsageError),
            "citer: --system-prompt and --raw: raw prompts have none; give one, not both\n");
  EXPECT_EQ(run_badly({"generate", "-p", "x", "--chat-template-kwargs", "5"}, kUsageError),
            "citer: --chat-template-kwargs: expected a JSON object, found '5'\n");
  EXPECT_THAT(run_badly({"chat", "--raw"}, kUsageError), HasSubstr("--raw: a chat needs"));
}

TEST_F(Chat, DifferingTemplatesAreToldOnce) {
  test::write_tiny_model(folder_ / "slm.gguf", {.chat_template = "another", .seed = 31});
  const test::ProcessResult result = run({"generate", "-n", "6", "-p", "how many?"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "citer: note: the models' chat templates differ; the LLM's is used\n");
  EXPECT_EQ(run({"generate", "-n", "6", "-p", "how many?", "--raw"}).err, "");
}

class Thinker : public test::ProgramTest {
 protected:
  Thinker() {
    test::write_tiny_model(
        folder_ / "llm.gguf",
        {.chat_template = "{{ messages[0].content }}{% if enable_thinking is defined and not "
                          "enable_thinking %}<think></think>{% else %}<think>"
                          "{{ reasoning_effort }}{% endif %}",
         .seed = 31});
    test::write_close_model(folder_ / "llm.gguf", folder_ / "slm.gguf", 0.15F);
  }
  test::json answer(const test::Arguments& more) const {
    test::Arguments all = {"generate", "-n", "20", "--ignore-eos", "--json", "-p", "how many?"};
    all.insert(all.end(), more.begin(), more.end());
    return json_lines(run_long(all)).at(0);
  }
};

TEST_F(Thinker, FlagsSayWhetherAndHowMuch) {
  const test::json thinks = answer({});
  EXPECT_EQ(thinks.at("text"), "");
  EXPECT_TRUE(thinks.contains("reasoning_content"));
  const test::json briefly = answer({"--reasoning-budget", "3"});
  EXPECT_NE(briefly.at("text"), "");
  EXPECT_TRUE(briefly.contains("reasoning_content"));
  const test::json never = answer({"-rea", "off"});
  EXPECT_NE(never.at("text"), "");
  EXPECT_FALSE(never.contains("reasoning_content"));
  EXPECT_EQ(never.at("text"),
            answer({"--chat-template-kwargs", R"({"enable_thinking": false})"}).at("text"));
  EXPECT_GT(answer({"--reasoning-effort", "low"}).at("prompt_tokens"), thinks.at("prompt_tokens"));
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
  for (const char* part :
       {"slm.gguf", "llama", "n_embd 32", "300 tokens", "chat template no",
        "memory        keys and values of every token", "KiB for each of 512 tokens", "x f32"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(run_well({"inspect", "--metadata", path("slm.gguf")}),
              HasSubstr("llama.context_length = 512"));
}

TEST_F(Inspect, TellsAPair) {
  test::write_tiny_model(folder_ / "big.gguf", {.n_embd = 64, .n_ff = 192});
  const std::string text = run_well({"inspect", path("slm.gguf"), path("big.gguf")});
  EXPECT_THAT(text, HasSubstr("a pair: same vocabulary; the second has"));
  EXPECT_THAT(text, HasSubstr("together they take "));
  EXPECT_THAT(run_well({"inspect", path("big.gguf"), path("slm.gguf")}),
              HasSubstr("the first has"));
}

TEST_F(Inspect, TellsWhatIsNoPair) {
  test::write_tiny_model(folder_ / "other.gguf", {.token_texts = {{270, "yak"}}});
  EXPECT_THAT(run_well({"inspect", path("slm.gguf"), path("other.gguf")}),
              AllOf(HasSubstr("a pair by text, for plain routing"), HasSubstr("token 270")));
  test::write_tiny_model(folder_ / "other.gguf",
                         {.token_texts = {{test::tiny_byte_token('e'), "yak"}}});
  const test::ProcessResult result = run({"inspect", path("slm.gguf"), path("other.gguf")});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, AllOf(HasSubstr("no pair"), HasSubstr("token 104")));
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

TEST_F(Inspect, DevicesAreListed) {
  EXPECT_THAT(run_well({"devices"}), testing::ContainsRegex("CPU +CPU .* MiB free of "));
}

}  // namespace
}  // namespace citer
