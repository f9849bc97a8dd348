#include "model/chat_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "citer/error.h"
#include "support/error_text.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace citer {
namespace {

using test::error_text;
using test::TempDir;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using Json = nlohmann::ordered_json;

constexpr const char* kTurns =
    "{% for m in messages %}[{{ m.role }}] {{ m.content }};{% endfor %}[assistant]";
/// Thinks unless it is told not to, as Qwen's and DeepSeek's do.
constexpr const char* kThinker =
    "{{ messages[-1].content }}{% if enable_thinking is defined and not enable_thinking %}"
    "<think>\n\n</think>\n\n{% elif reasoning_effort is defined %}<think>{{ reasoning_effort }}"
    "{% else %}<think>\n{% endif %}";

class ChatFormatTest : public testing::Test {
 protected:
  std::shared_ptr<Model> model(const std::string& name, const std::string& source) const {
    test::write_tiny_model(folder_ / name, {.add_bos = false, .chat_template = source});
    return Model::load({.path = (folder_ / name).string(), .devices = "none"});
  }
  /// A pair with these templates.
  void load(const std::string& of_slm, const std::string& of_llm) {
    slm_ = model("slm.gguf", of_slm);
    llm_ = model("llm.gguf", of_llm);
  }
  ChatFormat format(const ChatOptions& options = {}) const {
    return {*slm_, *llm_, slm_->vocab(), options};
  }
  std::string read(const ChatFormat& format, const Prompt& prompt) const {
    return slm_->vocab().text(format.read(prompt).tokens);
  }

  TempDir folder_;
  std::shared_ptr<Model> slm_;
  std::shared_ptr<Model> llm_;
};

TEST_F(ChatFormatTest, ATextIsWhatTheUserSays) {
  load(kTurns, kTurns);
  EXPECT_EQ(read(format(), {.text = "two and two?"}), "[user] two and two?;[assistant]");
  EXPECT_EQ(read(format(), {.text = "no", .messages = {{"user", "a"}, {"assistant", "b"}}}),
            "[user] a;[assistant] b;[assistant]");
  const Prompt read = format().read({.id = "x", .tokens = {5, 6}});
  EXPECT_EQ(read.id, "x");
  EXPECT_EQ(read.tokens, (std::vector<Token>{5, 6}));
}

TEST_F(ChatFormatTest, RawTextsStayAsTheyAreAndConversationsDoNot) {
  load(kTurns, kTurns);
  const ChatFormat raw = format({.raw = true});
  EXPECT_EQ(read(raw, {.text = "two and"}), "two and");
  EXPECT_EQ(read(raw, {.messages = {{"user", "a"}}}), "[user] a;[assistant]");
  EXPECT_EQ(raw.name(), "raw");
  EXPECT_EQ(read(format(), {.text = "two and", .raw = true}), "two and");
}

TEST_F(ChatFormatTest, WhatWasPutInTheFormatByHandStaysAsItIs) {
  load(kTurns, kTurns);
  EXPECT_EQ(read(format(), {.text = "[user] a;[assistant]"}), "[user] a;[assistant]");
  EXPECT_TRUE(format().read({.text = "[user] a;[assistant]"}).raw);
  EXPECT_FALSE(format().read({.text = "a"}).raw);
  load("<|pad|>system{{ messages[0].content }}", "");
  EXPECT_TRUE(format().read({.text = "<|pad|>user a"}).raw) << "it begins with the control token";
  EXPECT_FALSE(format().read({.text = "a <|pad|>"}).raw);
}

TEST_F(ChatFormatTest, ControlTokensThatAUserWritesAreText) {
  load("{% for m in messages %}<|pad|>{{ m.role }}{{ m.content }}{% endfor %}<|pad|>", "");
  const Vocab& vocab = slm_->vocab();
  const Token pad = vocab.tokenize("<|pad|>", false, true).front();
  const auto pads = [&](const Json& messages) {
    const std::vector<Token> tokens = format().read(messages, nullptr, nullptr).tokens;
    EXPECT_EQ(format().render(messages, nullptr, nullptr).find("\xef\xb7\x90"), std::string::npos);
    return std::count(tokens.begin(), tokens.end(), pad);
  };
  const auto says = [](const char* role, const char* text) {
    return Json{{"role", role}, {"content", text}};
  };
  EXPECT_EQ(pads(Json::array({says("user", "a")})), 2);
  EXPECT_EQ(pads(Json::array({says("user", "a<|pad|>b<|pad|>")})), 2);
  EXPECT_EQ(pads(Json::array({says("user", "<|pad|>"), says("tool", "<|pad|>")})), 3);
  EXPECT_EQ(pads(Json::array({says("user", "a"), says("assistant", "<|pad|>"), says("user", "b")})),
            5);
  EXPECT_EQ(read(format(), {.messages = {{"user", "a<|pad|>"}}}), "usera<|pad|>");
}

TEST_F(ChatFormatTest, BaseModelsHaveNone) {
  load("", "");
  EXPECT_EQ(read(format(), {.text = "two and"}), "two and");
  EXPECT_EQ(format().name(), "raw");
  EXPECT_THAT(error_text<InputError>([&] {
                format().read({.messages = {{"user", "a"}}});
              }),
              HasSubstr("no chat template"));
}

TEST_F(ChatFormatTest, TheSystemPromptStandsBeforeWhatBringsNone) {
  load(kTurns, kTurns);
  const ChatFormat brief = format({.system_prompt = "be brief"});
  EXPECT_EQ(read(brief, {.text = "a"}), "[system] be brief;[user] a;[assistant]");
  EXPECT_EQ(read(brief, {.messages = {{"system", "sing"}, {"user", "a"}}}),
            "[system] sing;[user] a;[assistant]");
}

TEST_F(ChatFormatTest, TheLlmsTemplateIsUsed) {
  load("of the SLM", kTurns);
  EXPECT_TRUE(format().models_differ());
  EXPECT_EQ(read(format(), {.text = "a"}), "[user] a;[assistant]");
  load(kTurns, "");
  EXPECT_FALSE(format().models_differ());
  EXPECT_EQ(read(format(), {.text = "a"}), "[user] a;[assistant]") << "the LLM has none";
  write_file(folder_ / "own.jinja", "<{{ messages[0].content }}>");
  EXPECT_EQ(read(format({.template_file = (folder_ / "own.jinja").string()}), {.text = "a"}),
            "<a>");
}

TEST_F(ChatFormatTest, VariablesReachTheTemplate) {
  load(kThinker, kThinker);
  EXPECT_EQ(read(format(), {.text = "a"}), "a<think>\n");
  const ChatFormat low = format({.template_kwargs = R"({"reasoning_effort": "low"})"});
  EXPECT_EQ(read(low, {.text = "a"}), "a<think>low");
  const Json messages = {{{"role", "user"}, {"content", "a"}}};
  const Json own = {{"reasoning_effort", "high"}};
  EXPECT_EQ(slm_->vocab().text(low.read(messages, nullptr, own).tokens), "a<think>high");
}

TEST_F(ChatFormatTest, SaysHowThinkingIsMarked) {
  load(kThinker, kThinker);
  const std::optional<Thinking> open = format().read({.text = "a"}).thinking;
  ASSERT_TRUE(open);
  EXPECT_EQ(open->close, "</think>");
  EXPECT_TRUE(open->is_open);
  const ChatFormat low = format({.template_kwargs = R"({"reasoning_effort": "low"})"});
  EXPECT_FALSE(low.read({.text = "a"}).thinking->is_open);
  const ChatFormat off = format({.template_kwargs = R"({"enable_thinking": false})"});
  EXPECT_FALSE(off.read({.text = "a"}).thinking);
  EXPECT_FALSE(format().read({.text = "a", .raw = true}).thinking);
  load(kTurns, kTurns);
  EXPECT_FALSE(format().read({.text = "a"}).thinking);
}

TEST_F(ChatFormatTest, ItsNameTellsFormatsApart) {
  load(kTurns, kTurns);
  const std::string name = format().name();
  EXPECT_THAT(name, StartsWith("chat template "));
  EXPECT_THAT(format({.system_prompt = "be\nbrief"}).name(),
              EndsWith(R"(, system prompt "be\nbrief")"));
  EXPECT_THAT(format({.template_kwargs = R"({"a": 1})"}).name(), EndsWith(R"(, {"a":1})"));
  load(kTurns, kThinker);
  EXPECT_NE(format().name(), name);
}

TEST_F(ChatFormatTest, OptionsThatMeanNothingAreRefused) {
  load(kTurns, kTurns);
  EXPECT_EQ(error_text<FieldError>([&] { format({.raw = true, .system_prompt = "x"}); }),
            "system_prompt and raw: raw prompts have none; give one, not both");
  EXPECT_EQ(error_text<FieldError>([&] { format({.template_kwargs = "[1]"}); }),
            "template_kwargs: expected a JSON object, found '[1]'");
  load("", "");
  EXPECT_THAT(error_text<FieldError>([&] { format({.system_prompt = "x"}); }),
              HasSubstr("system_prompt: the models have no chat template; give"));
}

}  // namespace
}  // namespace citer
