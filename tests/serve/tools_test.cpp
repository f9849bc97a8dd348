// Tools: what the template tells of them, and calls in an answer's text.
#include "serve/tools.h"

#include "base/file.h"
#include "model/chat_format.h"
#include "serve/server.h"

namespace citer {
namespace {

using test::error_of;
using testing::HasSubstr;

Json weather_tool() {
  return {{"type", "function"},
          {"function",
           {{"name", "weather"},
            {"description", "The weather of a day"},
            {"parameters",
             {{"type", "object"},
              {"properties",
               {{"town", {{"enum", {"Oslo", "Rome"}}}}, {"day", {{"$ref", "#/$defs/day"}}}}},
              {"required", {"town", "day"}},
              {"additionalProperties", false},
              {"$defs", {{"day", {{"type", "integer"}, {"minimum", 1}, {"maximum", 31}}}}}}}}}};
}

Json clock_tool() { return {{"type", "function"}, {"function", {{"name", "clock"}}}}; }

/// An answer's content and calls, its text cut into pieces of `size`.
std::pair<std::string, std::vector<ToolCall>> read(const std::string& text, std::size_t size,
                                                   CallableTools callable = {},
                                                   bool is_cut_off = false) {
  if (callable.names.empty()) callable.names = {"clock", "weather"};
  ToolText tools(callable);
  std::string content;
  for (std::size_t at = 0; at < text.size(); at += size) {
    content += tools.push(text.substr(at, size));
  }
  ToolText::Rest rest = tools.finish(is_cut_off);
  return {content + rest.content, std::move(rest.calls)};
}

TEST(ToolCallFormTest, ATemplatesSourceShowsIt) {
  EXPECT_EQ(tool_call_form(read_file(CITER_SOURCE_DIR "/tests/serve/tools.jinja")),
            ToolCallForm::kTagged);
  EXPECT_EQ(tool_call_form(R"({{- '{"name": "' + call.name + '", "parameters": ' }})"),
            ToolCallForm::kBare);
  EXPECT_FALSE(tool_call_form("<tool_call>\n<function={{ call.name }}>")) << "XML within";
  EXPECT_FALSE(tool_call_form("{{ messages[0].content }}"));
}

TEST(ToolTextTest, CallsAreToldFromContentHoweverTheTextComes) {
  const std::string one = R"(<tool_call>
{"name": "clock", "arguments": {}}
</tool_call>)";
  const std::string two = R"(<tool_call>{"name": "weather", "arguments": {"town": "Oslo"}})";
  for (std::size_t size = 1; size < 60; size += 3) {
    const auto [content, calls] = read("I < you: <tool\n\n" + one + two, size);
    EXPECT_EQ(content, "I < you: <tool") << size;
    ASSERT_EQ(calls.size(), 2U) << size;
    EXPECT_EQ(calls[0].name, "clock");
    EXPECT_EQ(calls[0].arguments, "{}");
    EXPECT_EQ(calls[1].arguments, R"({"town":"Oslo"})") << "without the end of its tag";
  }
}

TEST(ToolTextTest, CallsAreReadWithoutTheirTags) {
  const std::string clock = R"({"name": "clock", "parameters": {"a": 1}})";
  const std::string weather = R"({"name": "weather", "arguments": {"town": "Oslo"}})";
  const std::vector<std::pair<std::string, std::string>> texts = {
      {"\n " + clock, ""},
      {clock + "\n" + weather, ""},
      {clock + "; " + weather, ""},
      {"```json\n" + clock + "\n```", ""},
      {"```\n" + clock + "```\n```json\n" + weather + "\n```\n", ""},
      {"Let me see.\n\n```json\n" + clock + "\n```", "Let me see."}};
  for (const auto& [text, before] : texts) {
    for (const std::size_t size : {1U, 2U, 5U, 200U}) {
      const auto [content, calls] = read(text, size);
      EXPECT_EQ(content, before) << text;
      ASSERT_FALSE(calls.empty()) << text;
      EXPECT_EQ(calls[0].name, "clock");
      EXPECT_EQ(calls[0].arguments, R"({"a":1})");
      EXPECT_EQ(calls.size(), text.find("weather") == std::string::npos ? 1U : 2U) << text;
    }
  }
}

TEST(ToolTextTest, WhatIsNoCallIsContent) {
  for (const std::string text :
       {"Plain text. ", "<tool_cal", "a <tool_call>no JSON</tool_call>",
        "<tool_call>{\"name\": 5, \"arguments\": {}}</tool_call>",
        "<tool_call>{\"name\": \"x\"}</tool_call>", "{\"name\": \"x\", \"arguments\": {}}", "",
        "Plain {}", "{\"sum\": 5}", "{\"name\": \"x\", ", " ", "```python\nx = {1: 2}\n```\nSo.",
        "```json\n{\"a\": 1}\n```\nThat is it.", "a\n``", "a `b` ```\n{",
        "{\"name\": \"clock\", \"arguments\": {}} is how one calls it."}) {
    for (const std::size_t size : {1U, 4U, 100U}) {
      const auto [content, calls] = read(text, size);
      EXPECT_EQ(content, text);
      EXPECT_TRUE(calls.empty()) << text;
    }
  }
}

TEST(ToolTextTest, WhatWasCutOffIsNoContent) {
  const std::string call = R"(<tool_call>{"name": "clock", "arguments": {}}</tool_call>)";
  for (const std::string begun : {"<tool_call>\n{\"name\": \"we", "<tool_call>"}) {
    EXPECT_EQ(read("Well: " + begun, 3, {}, true).first, "Well:");
    const auto [content, calls] = read(call + begun, 3, {}, true);
    EXPECT_EQ(content, "");
    EXPECT_EQ(calls.size(), 1U);
  }
  EXPECT_EQ(read("{\"name\": \"clo", 3, {.must_call = true}, true).first, "");
}

TEST(ToolTextTest, OfSeveralCallsTheFirstWhereOnlyOneIsWanted) {
  const std::string call = R"(<tool_call>{"name": "clock", "arguments": {}}</tool_call>)";
  EXPECT_EQ(read(call + call, 7, {.only_one = true}).second.size(), 1U);
}

class ToolsTest : public test::ServerTest {
 protected:
  static Json body(const Json& choice) {
    return {{"messages", {{{"role", "user"}, {"content", "What is the weather in Rome?"}}}},
            {"tools", {weather_tool(), clock_tool()}},
            {"tool_choice", choice},
            {"max_tokens", 300}};
  }
};

TEST_F(ToolsTest, ACallThatMustBeMadeIsMade) {
  start_with_tools();
  for (const char* model : {"slm", "llm", "maxprob"}) {
    Json request = body({{"type", "function"}, {"function", {{"name", "weather"}}}});
    request["model"] = model;
    const Json choice = answer("/v1/chat/completions", request)["choices"][0];
    EXPECT_EQ(choice["finish_reason"], "tool_calls");
    EXPECT_TRUE(choice["message"]["content"].is_null());
    ASSERT_EQ(choice["message"]["tool_calls"].size(), 1U) << choice;
    const Json call = choice["message"]["tool_calls"][0];
    EXPECT_EQ(call["type"], "function");
    EXPECT_THAT(call["id"].get<std::string>(), testing::StartsWith("call-"));
    EXPECT_EQ(call["function"]["name"], "weather");
    const Json arguments = Json::parse(call["function"]["arguments"].get<std::string>());
    EXPECT_TRUE(arguments["town"] == "Oslo" || arguments["town"] == "Rome");
    EXPECT_GE(arguments["day"], 1);
  }
}

TEST_F(ToolsTest, CallsComeWithTheLastChunk) {
  start_with_tools();
  std::string content;
  Json calls;
  std::string finish;
  for (const std::string& event : events("/v1/chat/completions", body("required"))) {
    if (event == "[DONE]") continue;
    const Json choice = Json::parse(event)["choices"][0];
    content += test::text_in(choice["delta"], "content");
    if (choice["delta"].contains("tool_calls")) calls = choice["delta"]["tool_calls"];
    if (choice["finish_reason"].is_string()) finish = choice["finish_reason"];
  }
  EXPECT_EQ(content, "");
  EXPECT_EQ(finish, "tool_calls");
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0]["index"], 0);
  EXPECT_TRUE(Json::parse(calls[0]["function"]["arguments"].get<std::string>()).is_object());
}

TEST_F(ToolsTest, TheTemplateGetsToolsCallsAndResults) {
  start_with_tools();
  const Json messages = {{{"role", "user"}, {"content", "What time is it?"}},
                         {{"role", "assistant"},
                          {"content", ""},
                          {"tool_calls",
                           {{{"id", "call-1"},
                             {"type", "function"},
                             {"function", {{"name", "clock"}, {"arguments", "{\"a\": 1}"}}}}}}},
                         {{"role", "tool"}, {"tool_call_id", "call-1"}, {"content", "9:41"}}};
  const ChatTemplate& chat_template = service_->pair().chat_format().chat_template();
  const std::string prompt = chat_template.render(messages, Json::array({clock_tool()}), nullptr);
  EXPECT_THAT(prompt, HasSubstr("You may call:\n{\"type\": \"function\""));
  EXPECT_THAT(prompt, HasSubstr("<tool_call>{\"name\": \"clock\""));
  EXPECT_THAT(prompt, HasSubstr("<tool_response>9:41</tool_response>"));
  EXPECT_THAT(chat_template.render(messages, nullptr, nullptr),
              testing::Not(HasSubstr("You may call")));
  Json request = body("auto");
  request["messages"] = messages;
  request["max_tokens"] = 5;
  EXPECT_TRUE(answer("/v1/chat/completions", request)["choices"][0]["message"].is_object());
}

TEST_F(ToolsTest, SeveralCallsMayHaveToBeMade) {
  start_with_tools();
  Json request = body("required");
  request["parallel_tool_calls"] = true;
  const Json choice = answer("/v1/chat/completions", request)["choices"][0];
  ASSERT_GE(choice["message"]["tool_calls"].size(), 1U) << choice;
  for (const Json& call : choice["message"]["tool_calls"]) {
    EXPECT_TRUE(Json::parse(call["function"]["arguments"].get<std::string>()).is_object());
  }
  request["parallel_tool_calls"] = false;
  EXPECT_EQ(answer("/v1/chat/completions", request)["choices"][0]["message"]["tool_calls"].size(),
            1U);
}

TEST_F(ToolsTest, ACallThatIsCutOffIsNoText) {
  start_with_tools();
  Json request = body("required");
  request["max_tokens"] = 8;
  const Json choice = answer("/v1/chat/completions", request)["choices"][0];
  EXPECT_TRUE(choice["message"]["content"].is_null());
  EXPECT_FALSE(choice["message"].contains("tool_calls"));
  EXPECT_EQ(choice["finish_reason"], "length");
}

TEST_F(ToolsTest, ACallIsReadWithoutItsTags) {
  start_with_tools();
  Json request = body("auto");
  request["grammar"] = R"(root ::= "{\"name\": \"clock\", \"arguments\": {}}")";
  const Json choice = answer("/v1/chat/completions", request)["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  EXPECT_EQ(choice["message"]["tool_calls"][0]["function"]["name"], "clock");
  request["grammar"] = R"(root ::= "{\"name\": \"unknown\", \"arguments\": {}}")";
  EXPECT_THAT(answer("/v1/chat/completions", request)["choices"][0]["message"]["content"]
                  .get<std::string>(),
              HasSubstr("unknown"));
}

TEST_F(ToolsTest, NoneIsAsIfThereWereNone) {
  start_with_tools();
  Json request = body("none");
  request["max_tokens"] = 20;
  const Json with = answer("/v1/chat/completions", request)["usage"]["prompt_tokens"];
  request.erase("tools");
  request.erase("tool_choice");
  EXPECT_EQ(answer("/v1/chat/completions", request)["usage"]["prompt_tokens"], with);
}

TEST_F(ToolsTest, ATemplateWithoutToolsRefusesThem) {
  start();  // the bundled pair's own template
  const Json error = error_of(post("/v1/chat/completions", body("auto")), 400);
  EXPECT_EQ(error["param"], "tools");
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("<tool_call>")) << "a form it knows";
  EXPECT_EQ(Json::parse(client().Get("/props")->body)["calls_tools"], false);
  EXPECT_EQ(post("/v1/chat/completions", body("none"))->status, 200);
}

}  // namespace
}  // namespace citer
