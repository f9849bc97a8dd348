// What a model thinks before it answers, on the bundled pair with a template of its own.
#include "base/file.h"
#include "serve/server.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

class ThinkingTest : public test::ServerTest {
 protected:
  ThinkingTest() {
    write_file(folder_ / "thinker.jinja",
               "{% for m in messages %}{{ m.content }}{% endfor %}"
               "{% if enable_thinking is defined and not enable_thinking %}<think></think>"
               "{% else %}<think>{% endif %}");
    pair_.chat.template_file = (folder_ / "thinker.jinja").string();
    start();
  }
  static Json body(int budget) {
    return {{"messages", {{{"role", "user"}, {"content", test::kQuestion}}}},
            {"thinking_budget_tokens", budget},
            {"max_tokens", 40}};
  }

  test::TempDir folder_;
};

TEST_F(ThinkingTest, ThinkingIsSplitOff) {
  const Json response = answer("/v1/chat/completions", body(5));
  const Json& message = response["choices"][0]["message"];
  EXPECT_NE(message["reasoning_content"], "");
  EXPECT_NE(message["content"], "");
  EXPECT_THAT(message.dump(), testing::Not(testing::HasSubstr("think>")));

  std::string reasoning;
  std::string content;
  for (const std::string& event : events("/v1/chat/completions", body(5))) {
    if (event == "[DONE]") break;
    const Json delta = Json::parse(event)["choices"][0]["delta"];
    reasoning += test::text_in(delta, "reasoning_content");
    content += test::text_in(delta, "content");
  }
  EXPECT_EQ(reasoning, message["reasoning_content"]);
  EXPECT_EQ(content, message["content"]);

  Json keeping = body(5);
  keeping["reasoning_format"] = "none";
  const Json kept = answer("/v1/chat/completions", keeping)["choices"][0]["message"];
  EXPECT_FALSE(kept.contains("reasoning_content"));
  EXPECT_THAT(kept["content"], testing::HasSubstr("</think>"));

  const Json endless = answer("/v1/chat/completions", body(-1))["choices"][0]["message"];
  EXPECT_EQ(endless["content"], "");
}

TEST_F(ThinkingTest, ARequestMaySwitchItOff) {
  for (const char* fields : {R"({"enable_thinking": false})", R"({"reasoning_effort": "none"})",
                             R"({"chat_template_kwargs": {"enable_thinking": false}})"}) {
    Json request = body(-1);
    request.update(Json::parse(fields));
    const Json message = answer("/v1/chat/completions", request)["choices"][0]["message"];
    EXPECT_FALSE(message.contains("reasoning_content")) << fields;
    EXPECT_NE(message["content"], "") << fields;
  }
}

TEST_F(ThinkingTest, PlainCompletionsAreAsTheyAre) {
  const Json request = {{"prompt", "<think>"}, {"max_tokens", 8}};
  const Json choice = answer("/v1/completions", request)["choices"][0];
  EXPECT_NE(choice["text"], "");
  EXPECT_FALSE(choice.contains("message"));
}

}  // namespace
}  // namespace citer
