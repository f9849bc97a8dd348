// The grammar of a tool's call.
#include "grammar/tool_grammar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "citer/error.h"
#include "grammar/matcher.h"
#include "support/error_text.h"

namespace citer {
namespace {

using Json = nlohmann::ordered_json;

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

bool accepts(const std::string& grammar, const std::string& text) {
  GrammarMatcher matcher(compile_grammar(grammar));
  return matcher.accept(text) && matcher.may_end();
}

TEST(ToolCallGrammar, IsACallOfOneOfTheTools) {
  const std::string tagged =
      tool_call_grammar(ToolCallForm::kTagged, Json::array({weather_tool(), clock_tool()}));
  const auto call = [](const std::string& json) {
    return "<tool_call>\n" + json + "\n</tool_call>";
  };
  EXPECT_TRUE(
      accepts(tagged, call(R"({"name": "weather", "arguments": {"town": "Rome", "day": 31}})")));
  EXPECT_TRUE(accepts(tagged, call(R"({"name": "clock", "arguments": {}})")));
  EXPECT_FALSE(
      accepts(tagged, call(R"({"name": "weather", "arguments": {"town": "Rome", "day": 32}})")))
      << "a reference within the parameters";
  EXPECT_FALSE(accepts(tagged, call(R"({"name": "radio", "arguments": {}})")));
  EXPECT_FALSE(accepts(tagged, R"({"name": "clock", "arguments": {}})"));
  const std::string bare = tool_call_grammar(ToolCallForm::kBare, Json::array({clock_tool()}));
  EXPECT_TRUE(accepts(bare, R"({"name": "clock", "parameters": {}})"));
  Json odd = weather_tool();
  odd["function"]["parameters"]["type"] = "colour";
  EXPECT_THROW(tool_call_grammar(ToolCallForm::kTagged, Json::array({odd})), UsageError);
}

TEST(ToolCallGrammar, ArgumentsAreAnObjectWhateverTheSchemaLeavesOpen) {
  for (const char* parameters :
       {"null", "{}", "true", R"({"description": "anything"})", R"({"type": ["object", "null"]})",
        R"({"$ref": "#/$defs/any", "$defs": {"any": {}}})"}) {
    Json tool = clock_tool();
    tool["function"]["parameters"] = Json::parse(parameters);
    SCOPED_TRACE(parameters);
    const std::string grammar = tool_call_grammar(ToolCallForm::kBare, Json::array({tool}));
    EXPECT_TRUE(accepts(grammar, R"({"name": "clock", "parameters": {}})"));
    EXPECT_TRUE(accepts(grammar, R"({"name": "clock", "parameters": {"a": [1]}})"));
    for (const char* other : {"null", "1", "\"a\"", "[]", "true"}) {
      EXPECT_FALSE(
          accepts(grammar, R"({"name": "clock", "parameters": )" + std::string(other) + "}"));
    }
  }
  Json tool = clock_tool();
  tool["function"]["parameters"] = {{"type", "string"}};
  EXPECT_THAT(test::error_text<UsageError>(
                  [&] { tool_call_grammar(ToolCallForm::kTagged, Json::array({tool})); }),
              testing::HasSubstr("at #/anyOf/0/properties/arguments"));
}

}  // namespace
}  // namespace citer
