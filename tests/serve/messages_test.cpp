// POST /v1/messages: Anthropic's API as a translation of the same answers.
#include "serve/named_events.h"
#include "serve/server.h"

namespace citer {
namespace {

using test::error_of;
using test::kQuestion;

constexpr auto kPath = "/v1/messages";

Json tool() {
  return {{"name", "weather"},
          {"input_schema",
           {{"type", "object"},
            {"properties", {{"town", {{"enum", {"Oslo", "Rome"}}}}}},
            {"required", {"town"}},
            {"additionalProperties", false}}}};
}

class MessagesTest : public test::ServerTest {
 protected:
  std::vector<Json> stream(Json body) const {
    body["stream"] = true;
    return test::named_events(post(kPath, body));
  }
};

TEST_F(MessagesTest, AnAnswerIsThatOfChat) {
  start();
  const Json messages = {{{"role", "user"}, {"content", kQuestion}}};
  const Json body = {{"model", "llm"}, {"max_tokens", 80}, {"messages", messages}};
  const Json message = answer(kPath, body);
  const Json chat = answer("/v1/chat/completions", body);
  EXPECT_EQ(message["content"][0]["text"], chat["choices"][0]["message"]["content"]);
  EXPECT_EQ(message["stop_reason"], "end_turn");
  EXPECT_EQ(message["usage"]["output_tokens"], chat["usage"]["completion_tokens"]);
  EXPECT_EQ(answer("/v1/messages/count_tokens", {{"messages", messages}})["input_tokens"],
            chat["usage"]["prompt_tokens"]);
  const std::vector<Json> events = stream(body);
  std::string text;
  for (const Json& event : events) {
    if (event["type"] == "content_block_delta") text += event["delta"]["text"];
  }
  EXPECT_EQ(text, message["content"][0]["text"]);
  EXPECT_EQ(events.front()["type"], "message_start");
  EXPECT_EQ(events.back()["type"], "message_stop");
  EXPECT_EQ(events[events.size() - 2]["delta"]["stop_reason"], "end_turn");
}

TEST_F(MessagesTest, StopSequencesAndLimits) {
  start();
  Json body = {{"max_tokens", 3}, {"messages", {{{"role", "user"}, {"content", kQuestion}}}}};
  EXPECT_EQ(answer(kPath, body)["stop_reason"], "max_tokens");
  body["max_tokens"] = 60;
  body["stop_sequences"] = {"="};
  EXPECT_EQ(answer(kPath, body)["stop_reason"], "stop_sequence");
}

TEST_F(MessagesTest, ToolsAreUsedAndTheirResultsTold) {
  start_with_tools();
  Json body = {{"max_tokens", 200},
               {"system", {{{"type", "text"}, {"text", "Be brief."}}}},
               {"tools", Json::array({tool()})},
               {"tool_choice", {{"type", "any"}}},
               {"messages", Json::array({{{"role", "user"}, {"content", "Rain in Rome?"}}})}};
  const Json message = answer(kPath, body);
  EXPECT_EQ(message["stop_reason"], "tool_use");
  ASSERT_EQ(message["content"].size(), 1U) << message;
  const Json use = message["content"][0];
  EXPECT_EQ(use["name"], "weather");
  EXPECT_TRUE(use["input"].contains("town"));
  std::string input;
  for (const Json& event : stream(body)) {
    if (event["type"] == "content_block_delta") input += event["delta"]["partial_json"];
  }
  EXPECT_EQ(Json::parse(input), use["input"]);

  body["tool_choice"] = {{"type", "auto"}};
  body["max_tokens"] = 5;
  body["messages"].push_back({{"role", "assistant"}, {"content", message["content"]}});
  body["messages"].push_back(
      {{"role", "user"},
       {"content",
        {{{"type", "tool_result"}, {"tool_use_id", use["id"]}, {"content", "dry"}},
         {{"type", "text"}, {"text", "And now?"}}}}});
  EXPECT_EQ(answer(kPath, body)["role"], "assistant");
}

TEST_F(MessagesTest, WrongFieldsAreNamed) {
  start();
  const Json hi = {{{"role", "user"}, {"content", "Hi"}}};
  const std::vector<std::pair<Json, std::string>> cases = {
      {{{"messages", Json::array()}}, "messages"},
      {{{"messages", {{{"role", "system"}, {"content", "x"}}}}}, "messages[0].role"},
      {{{"messages", {{{"role", "user"}, {"content", {{{"type", "image"}}}}}}}},
       "messages[0].content[0].type"},
      {{{"tools", {{{"type", "bash_1"}, {"name", "bash"}}}}}, "tools[0].type"},
      {{{"tool_choice", {{"type", "any"}}}}, "tool_choice"},
      {{{"thinking", {{"type", "deep"}}}}, "thinking.type"},
      {{{"container", "x"}}, "container"}};
  for (const auto& [more, param] : cases) {
    Json body = {{"max_tokens", 5}, {"messages", hi}};
    body.update(more);
    EXPECT_EQ(error_of(post(kPath, body), 400)["param"], param);
  }
}

}  // namespace
}  // namespace citer
