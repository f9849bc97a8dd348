// POST /v1/responses: text, thinking, tools and formats, whole and as events.
#include "base/file.h"
#include "serve/named_events.h"
#include "serve/server.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

using test::error_of;
using test::kQuestion;

constexpr auto kPath = "/v1/responses";

Json weather_tool() {
  return {{"type", "function"},
          {"name", "weather"},
          {"parameters",
           {{"type", "object"},
            {"properties", {{"town", {{"enum", {"Oslo", "Rome"}}}}}},
            {"required", {"town"}},
            {"additionalProperties", false}}}};
}

class ResponsesTest : public test::ServerTest {
 protected:
  /// The events of a stream, each with its name.
  std::vector<Json> stream(Json body) const {
    body["stream"] = true;
    std::vector<Json> events = test::named_events(post(kPath, body));
    for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i]["sequence_number"], i);
    return events;
  }

  /// Without what no two answers have in common.
  static Json output_of(Json response) {
    for (Json& item : response["output"]) {
      item.erase("id");
      item.erase("call_id");
    }
    return response["output"];
  }
};

TEST_F(ResponsesTest, AnAnswerIsThatOfChat) {
  start();
  const Json response = answer(
      kPath, {{"input", kQuestion}, {"model", "llm"}, {"max_output_tokens", 80}, {"user", "me"}});
  const Json chat =
      answer("/v1/chat/completions", {{"messages", {{{"role", "user"}, {"content", kQuestion}}}},
                                      {"model", "llm"},
                                      {"max_tokens", 80}});
  EXPECT_EQ(response["object"], "response");
  EXPECT_EQ(response["status"], "completed");
  EXPECT_EQ(response["output"][0]["content"][0]["text"], chat["choices"][0]["message"]["content"]);
  EXPECT_EQ(response["usage"]["input_tokens"], chat["usage"]["prompt_tokens"]);
  EXPECT_EQ(response["usage"]["output_tokens"], chat["usage"]["completion_tokens"]);
  EXPECT_EQ(response["citer"]["policy"], "llm");
  EXPECT_EQ(response["store"], false);
}

TEST_F(ResponsesTest, ACutOffAnswerSaysSo) {
  start();
  const Json response = answer(kPath, {{"input", kQuestion}, {"max_output_tokens", 3}});
  EXPECT_EQ(response["status"], "incomplete");
  EXPECT_EQ(response["incomplete_details"]["reason"], "max_output_tokens");
}

TEST_F(ResponsesTest, EventsAddUpToTheResponse) {
  start();
  const Json body = {{"input", kQuestion}, {"model", "llm"}, {"max_output_tokens", 80}};
  const Json whole = answer(kPath, body);
  const std::vector<Json> events = stream(body);
  ASSERT_GT(events.size(), 8U);
  std::string text;
  for (const Json& event : events) {
    if (event["type"] == "response.output_text.delta") text += event["delta"];
  }
  EXPECT_EQ(events[0]["type"], "response.created");
  EXPECT_EQ(events[2]["type"], "response.output_item.added");
  EXPECT_EQ(events.back()["type"], "response.completed");
  EXPECT_EQ(text, whole["output"][0]["content"][0]["text"]);
  EXPECT_EQ(output_of(events.back()["response"]), output_of(whole));
  EXPECT_EQ(events.back()["response"]["usage"]["output_tokens"], whole["usage"]["output_tokens"]);
}

TEST_F(ResponsesTest, ConversationsAreThoseOfChat) {
  start_with_tools();
  const Json input = {
      {{"role", "user"}, {"content", {{{"type", "input_text"}, {"text", "Rain?"}}}}},
      {{"type", "reasoning"}, {"id", "rs_1"}, {"summary", Json::array()}},
      {{"type", "function_call"},
       {"id", "fc_1"},
       {"call_id", "c1"},
       {"name", "weather"},
       {"arguments", "{}"},
       {"status", "completed"}},
      {{"type", "function_call_output"}, {"call_id", "c1"}, {"output", "dry"}},
      {{"type", "message"},
       {"role", "assistant"},
       {"content", {{{"type", "output_text"}, {"text", "No."}, {"annotations", Json::array()}}}}},
      {{"role", "user"}, {"content", "Sure?"}}};
  const Json messages = {{{"role", "system"}, {"content", "Be brief."}},
                         {{"role", "user"}, {"content", "Rain?"}},
                         {{"role", "assistant"},
                          {"content", nullptr},
                          {"tool_calls",
                           {{{"id", "c1"},
                             {"type", "function"},
                             {"function", {{"name", "weather"}, {"arguments", "{}"}}}}}}},
                         {{"role", "tool"}, {"tool_call_id", "c1"}, {"content", "dry"}},
                         {{"role", "assistant"}, {"content", "No."}},
                         {{"role", "user"}, {"content", "Sure?"}}};
  const Json response = answer(kPath, {{"instructions", "Be brief."},
                                       {"input", input},
                                       {"model", "llm"},
                                       {"max_output_tokens", 9}});
  const Json chat =
      answer("/v1/chat/completions", {{"messages", messages}, {"model", "llm"}, {"max_tokens", 9}});
  EXPECT_EQ(response["usage"]["input_tokens"], chat["usage"]["prompt_tokens"]);
  EXPECT_EQ(response["output"][0]["content"][0]["text"], chat["choices"][0]["message"]["content"]);
  EXPECT_EQ(response["instructions"], "Be brief.");
}

TEST_F(ResponsesTest, ToolsAreCalled) {
  start_with_tools();
  const Json body = {{"input", "What is the weather in Rome?"},
                     {"tools", Json::array({weather_tool()})},
                     {"tool_choice", {{"type", "function"}, {"name", "weather"}}},
                     {"max_output_tokens", 200}};
  const Json whole = answer(kPath, body);
  ASSERT_EQ(whole["output"].size(), 1U) << whole;
  const Json& call = whole["output"][0];
  EXPECT_EQ(call["type"], "function_call");
  EXPECT_EQ(call["name"], "weather");
  EXPECT_TRUE(Json::parse(call["arguments"].get<std::string>()).contains("town"));
  std::string arguments;
  const std::vector<Json> events = stream(body);
  for (const Json& event : events) {
    if (event["type"] == "response.function_call_arguments.delta") arguments += event["delta"];
  }
  EXPECT_EQ(arguments, call["arguments"]);
  EXPECT_EQ(output_of(events.back()["response"]), output_of(whole));
  Json allowed = body;
  allowed["tool_choice"] = {{"type", "allowed_tools"},
                            {"mode", "required"},
                            {"tools", {{{"type", "function"}, {"name", "weather"}}}}};
  EXPECT_EQ(answer(kPath, allowed)["output"][0]["name"], "weather");
}

TEST_F(ResponsesTest, AFormatIsKeptTo) {
  start();
  const Json response =
      answer(kPath, {{"input", kQuestion},
                     {"max_output_tokens", 30},
                     {"text",
                      {{"format",
                        {{"type", "json_schema"},
                         {"name", "sum"},
                         {"strict", true},
                         {"schema", {{"type", "integer"}, {"minimum", 5}, {"maximum", 9}}}}}}}});
  const int sum = std::stoi(response["output"][0]["content"][0]["text"].get<std::string>());
  EXPECT_GE(sum, 5);
  EXPECT_LE(sum, 9);
  EXPECT_EQ(response["text"]["format"]["name"], "sum");
}

TEST_F(ResponsesTest, LogprobsWhereTheyAreIncluded) {
  start();
  const Json response = answer(kPath, {{"input", kQuestion},
                                       {"max_output_tokens", 3},
                                       {"include", {"message.output_text.logprobs"}},
                                       {"top_logprobs", 2}});
  const Json& logprobs = response["output"][0]["content"][0]["logprobs"];
  ASSERT_EQ(logprobs.size(), 3U);
  EXPECT_EQ(logprobs[0]["top_logprobs"].size(), 2U);
}

TEST_F(ResponsesTest, ThinkingIsAnItemOfItsOwn) {
  const test::TempDir folder;
  write_file(folder / "thinker.jinja",
             "{% for m in messages %}{{ m.content.split('</think>')[-1] }}{% endfor %}<think>");
  pair_.chat.template_file = (folder / "thinker.jinja").string();
  start();
  const Json body = {
      {"input", kQuestion}, {"thinking_budget_tokens", 5}, {"max_output_tokens", 40}};
  const Json whole = answer(kPath, body);
  ASSERT_EQ(whole["output"].size(), 2U) << whole;
  EXPECT_EQ(whole["output"][0]["type"], "reasoning");
  EXPECT_GE(whole["usage"]["output_tokens_details"]["reasoning_tokens"], 5);
  EXPECT_LT(whole["usage"]["output_tokens_details"]["reasoning_tokens"], 20) << "with its tags";
  EXPECT_EQ(output_of(stream(body).back()["response"]), output_of(whole));
}

TEST_F(ResponsesTest, WrongFieldsAreNamed) {
  start();
  const std::vector<std::pair<Json, std::string>> cases = {
      {Json::object(), "input"},
      {{{"input", Json::array()}}, "input"},
      {{{"input", {{{"role", "king"}, {"content", "x"}}}}}, "input[0].role"},
      {{{"input", {{{"type", "image"}}}}}, "input[0].type"},
      {{{"input", {{{"role", "user"}, {"content", {{{"type", "input_image"}}}}}}}},
       "input[0].content[0].type"},
      {{{"previous_response_id", "resp_1"}}, "previous_response_id"},
      {{{"store", true}}, "store"},
      {{{"include", {"reasoning.encrypted_content"}}}, "include[0]"},
      {{{"tools", {{{"type", "web_search"}}}}}, "tools[0].type"},
      {{{"text", {{"format", {{"type", "xml"}}}}}}, "text.format.type"},
      {{{"reasoning", {{"summary", "detailed"}}}}, "reasoning.summary"},
      {{{"max_tokens", 5}}, "max_tokens"},
      {{{"top_logprobs", 5}}, "top_logprobs"}};
  for (const auto& [more, param] : cases) {
    Json body = param == "input" ? Json::object() : Json{{"input", "x"}};
    body.update(more);
    EXPECT_EQ(error_of(post(kPath, body), 400)["param"], param);
  }
}

}  // namespace
}  // namespace citer
