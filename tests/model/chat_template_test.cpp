#include "model/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "citer/error.h"
#include "model/model.h"
#include "support/error_text.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace citer {
namespace {

using test::error_text;
using test::TempDir;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kTurns =
    "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{{ eos_token }}{{ '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";

std::string render(const ChatTemplate& chat_template, const std::vector<ChatMessage>& messages) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ChatMessage& message : messages) {
    list.push_back({{"role", message.role}, {"content", message.content}});
  }
  return chat_template.render(list, nullptr, nullptr);
}

class ChatTemplateTest : public testing::Test {
 protected:
  std::shared_ptr<Model> model(const std::string& source) const {
    test::write_tiny_model(path_, {.chat_template = source});
    return Model::load({.path = path_.string(), .devices = "none"});
  }
  std::string render_own(const std::string& source,
                         const std::vector<ChatMessage>& messages) const {
    return render(ChatTemplate::for_model(*model(source), ""), messages);
  }

  TempDir folder_;
  std::filesystem::path path_ = folder_ / "chat.gguf";
  std::vector<ChatMessage> talk_ = {{"system", "be brief"},
                                    {"user", "a \"quoted\" {{ brace }}"},
                                    {"assistant", "yes"},
                                    {"user", "more"}};
};

TEST_F(ChatTemplateTest, RendersTheModelsOwnTemplate) {
  EXPECT_EQ(render_own(kTurns, talk_),
            "[system] be brief<|end|>\n[user] a \"quoted\" {{ brace }}<|end|>\n"
            "[assistant] yes<|end|>\n[user] more<|end|>\n[assistant]");
}

TEST_F(ChatTemplateTest, BeginTokenIsNotDoubled) {
  const auto m = model(kTurns);
  const std::string text = render(ChatTemplate::for_model(*m, ""), talk_);
  const std::vector<Token> tokens = m->vocab().tokenize(text, true, true);
  EXPECT_EQ(std::count(tokens.begin(), tokens.end(), test::kTinyBos), 1);
  EXPECT_EQ(tokens.front(), test::kTinyBos);
  EXPECT_EQ(std::count(tokens.begin(), tokens.end(), test::kTinyEos), 4);
}

TEST_F(ChatTemplateTest, BeginTokenThatTheTemplateSpellsOutIsNotDoubled) {
  const auto m = model("<|begin|>{% for m in messages %}{{ m.content }}{% endfor %}");
  const std::string text = render(ChatTemplate::for_model(*m, ""), {{"user", "a"}});
  const std::vector<Token> tokens = m->vocab().tokenize(text, true, true);
  EXPECT_EQ(std::count(tokens.begin(), tokens.end(), test::kTinyBos), 1);
}

TEST_F(ChatTemplateTest, BeginTokenStaysWhereTheVocabularyAddsNone) {
  test::write_tiny_model(path_, {.add_bos = false, .chat_template = kTurns});
  const auto m = Model::load({.path = path_.string(), .devices = "none"});
  EXPECT_THAT(render(ChatTemplate::for_model(*m, ""), talk_), StartsWith("<|begin|>[system]"));
}

TEST_F(ChatTemplateTest, NothingIsPrinted) {
  testing::internal::CaptureStderr();
  render_own("{% for m in messages %}{{ m.content }}{% endfor %}", talk_);
  const auto failing = model("{{ raise_exception('no') }}");
  EXPECT_THROW(render(ChatTemplate::for_model(*failing, ""), talk_), InputError);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(ChatTemplateTest, SystemMessageGoesToTheUserWhereTheTemplateTakesNone) {
  EXPECT_EQ(
      render_own("{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}"
                 "{% endif %}[{{ m.role }}] {{ m.content }};{% endfor %}",
                 {{"system", "s"}, {"user", "u"}}),
      "[user] s\nu;");
}

TEST_F(ChatTemplateTest, BytesThatAreNoUtf8PassThrough) {
  EXPECT_EQ(
      render_own("{% for m in messages %}{{ m.content }}{% endfor %}", {{"user", "a\xFF\xC3z"}}),
      "a\xFF\xC3z");
}

TEST_F(ChatTemplateTest, ParseErrorNamesFileAndLine) {
  const auto m = model("line one\nline two {% if %}\nline three");
  const std::string text = error_text<InputError>([&] { ChatTemplate::for_model(*m, ""); });
  EXPECT_THAT(text, StartsWith(path_.string() + ": chat template does not parse: "));
  EXPECT_THAT(text, HasSubstr("row 2"));
}

TEST_F(ChatTemplateTest, FailureWhileRenderingNamesFileAndLine) {
  const auto m = model("line one\n\n{{ messages[0].content.nothing.deeper() }}");
  const ChatTemplate chat_template = ChatTemplate::for_model(*m, "");
  const std::string text = error_text<InputError>([&] { render(chat_template, talk_); });
  EXPECT_THAT(text, StartsWith(path_.string() + ": chat template failed: "));
  EXPECT_THAT(text, HasSubstr("row 3"));
}

TEST_F(ChatTemplateTest, RefusalByTheTemplateIsReported) {
  const auto m = model("\n{{ raise_exception('only two turns') }}");
  const ChatTemplate chat_template = ChatTemplate::for_model(*m, "");
  const std::string text = error_text<InputError>([&] { render(chat_template, talk_); });
  EXPECT_THAT(text, HasSubstr("only two turns"));
  EXPECT_THAT(text, HasSubstr("row 2"));
}

TEST_F(ChatTemplateTest, FileOverridesTheModels) {
  const std::filesystem::path file = folder_ / "own.jinja";
  write_file(file, "<{{ messages[0].content }}>");
  EXPECT_EQ(render(ChatTemplate::for_model(*model(kTurns), file.string()), {{"user", "x"}}), "<x>");

  write_file(file, "\n\n{{ (");
  const auto m = model(kTurns);
  const std::string text =
      error_text<InputError>([&] { ChatTemplate::for_model(*m, file.string()); });
  EXPECT_THAT(text, StartsWith(file.string() + ": "));
  EXPECT_THAT(text, HasSubstr("row 3"));
}

TEST_F(ChatTemplateTest, ModelWithoutTemplateSaysWhatToDo) {
  const auto m = model("");
  const std::string text = error_text<InputError>([&] { ChatTemplate::for_model(*m, ""); });
  EXPECT_THAT(text, StartsWith(path_.string() + ": "));
  EXPECT_THAT(text, HasSubstr("chat template file"));
}

/// Templates that would take for ever, or end the process, on any messages.
const std::map<std::string, std::string> kHostile = {
    {"callsItself", "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}"},
    {"callEachOther",
     "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ g() }}"},
    {"loopsOverALargeRange", "{% for i in range(1000000000) %}{% endfor %}"},
    {"nestedLoops",
     "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}"
     "{% endfor %}{% endfor %}{% endfor %}"},
    {"doublesAString",
     "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}"
     "{{ n.x }}"},
    {"writesWithoutEnd", "{% for i in range(100000) %}{{ 'x' * 100000 }}{% endfor %}"},
    {"nestedBrackets", "{{ " + std::string(1000000, '[') + " }}"},
};

class HostileTemplates
    : public ChatTemplateTest,
      public testing::WithParamInterface<std::pair<const std::string, std::string>> {};

INSTANTIATE_TEST_SUITE_P(All, HostileTemplates, testing::ValuesIn(kHostile),
                         [](const auto& p) { return p.param.first; });

/// In the probes that minja makes of a template, and, where it spares these, as it renders.
TEST_P(HostileTemplates, AreRefusedInTimeAndEndNothingElse) {
  const Confinement limits{.seconds = 1, .memory = 64 << 20};
  const auto m = model(kTurns);
  for (const std::string& source : {GetParam().second, "{% if messages[0].content == 'now' %}" +
                                                           GetParam().second + "{% endif %}"}) {
    const std::string text = error_text<InputError>([&] {
      const ChatTemplate used(source, "hostile", *m, limits);
      render(used, {{"user", "now"}});
    });
    EXPECT_THAT(text, StartsWith("hostile: chat template "));
  }
}

TEST_F(ChatTemplateTest, OneThatFailedRendersWhatDoesNotHarmIt) {
  const auto m = model(kTurns);
  const ChatTemplate used(
      "{% macro f() %}{{ f() }}{% endmacro %}"
      "{% if messages[0].content == 'now' %}{{ f() }}{% endif %}{{ messages[0].content }}",
      "hostile", *m);
  EXPECT_EQ(render(used, {{"user", "a"}}), "a");
  EXPECT_THAT(error_text<InputError>([&] {
                render(used, {{"user", "now"}});
              }),
              HasSubstr("its stack overflowed"));
  EXPECT_EQ(render(used, {{"user", "b"}}), "b");
}

TEST_F(ChatTemplateTest, BytesThatAreNoTextComeThrough) {
  const auto m = model(kTurns);
  const ChatTemplate used("{{ messages[0].content }}", "a", *m);
  EXPECT_EQ(render(used, {{"user", "a\xff\xfe\x01z"}}), "a\xff\xfe\x01z");
}

}  // namespace
}  // namespace citer
