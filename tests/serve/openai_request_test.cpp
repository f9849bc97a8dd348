// Request bodies: what every field becomes, and which error a wrong one gets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <tuple>

#include "serve/api_error.h"
#include "serve/openai_request.h"

namespace citer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

RequestLimits limits() {
  RequestLimits limits;
  limits.defaults.sampling.temperature = 0.5;
  limits.defaults.sampling.seed = 9;
  limits.defaults.max_tokens = 77;
  limits.random_seed = false;
  limits.vocab_size = 300;
  limits.tokenize = [](const std::string& text, bool begins) {
    std::vector<Token> tokens;
    if (begins) tokens.push_back(1);
    for (const char c : text) tokens.push_back(c);
    return tokens;
  };
  return limits;
}

GenerationRequest parse(const std::string& body) {
  return parse_completion_request(parse_body(body), limits());
}

GenerationRequest parse_chat(const std::string& body) {
  return parse_chat_request(parse_body(body), limits());
}

std::string with_messages(const std::string& more) {
  return R"({"messages": [{"role": "user", "content": "Hi"}], )" + more + "}";
}

/// The error that a body gets.
ApiError error_of(const std::string& body, bool chat) {
  try {
    chat ? parse_chat(body) : parse(body);
  } catch (const ApiError& e) {
    return e;
  }
  ADD_FAILURE() << body << ": no error";
  return {0, ""};
}

TEST(OpenAiRequest, DefaultsAreTheServers) {
  const GenerationRequest request = parse(R"({"prompt": "x"})");
  EXPECT_EQ(request.sampling.temperature, 0.5);
  EXPECT_EQ(request.sampling.seed, 9U);
  EXPECT_EQ(request.max_tokens, 77);
  EXPECT_EQ(request.n, 1);
  EXPECT_FALSE(request.stream || request.echo || request.trace || request.logprobs());
  EXPECT_EQ(request.model, "");
  EXPECT_FALSE(request.routing.policy || request.routing.threshold || request.routing.budget);
}

TEST(OpenAiRequest, FieldsOfBothFormats) {
  const GenerationRequest request = parse_chat(with_messages(R"(
      "model": "llm", "max_tokens": 5, "max_completion_tokens": 6, "temperature": 1.5,
      "top_p": 0.5, "top_k": 7, "min_p": 0.25, "seed": -3, "stop": ["a", "b"], "n": 3,
      "stream": true, "stream_options": {"include_usage": true}, "logprobs": true,
      "top_logprobs": 4, "logit_bias": {"5": 1.5, "6": -100}, "presence_penalty": 0.5,
      "frequency_penalty": -0.5, "repeat_penalty": 1.25, "response_format": {"type": "text"},
      "grammar": "root ::= \"a\"", "user": "somebody", "service_tier": "auto",
      "citer": {"policy": "margin", "budget": 0.25, "trace": true})"));
  EXPECT_EQ(request.model, "llm");
  EXPECT_EQ(request.max_tokens, 6);
  EXPECT_EQ(request.sampling.temperature, 1.5);
  EXPECT_EQ(request.sampling.top_p, 0.5);
  EXPECT_EQ(request.sampling.top_k, 7);
  EXPECT_EQ(request.sampling.min_p, 0.25);
  EXPECT_EQ(request.sampling.seed, static_cast<std::uint64_t>(-3));
  EXPECT_THAT(request.stop, ElementsAre("a", "b"));
  EXPECT_EQ(request.n, 3);
  EXPECT_TRUE(request.stream && request.include_usage && request.trace);
  EXPECT_EQ(request.sampling.top_logprobs, 4);
  EXPECT_THAT(request.sampling.logit_bias,
              ElementsAre(Pair(5, 1.5F), Pair(6, -std::numeric_limits<float>::infinity())));
  EXPECT_EQ(request.sampling.presence_penalty, 0.5);
  EXPECT_EQ(request.sampling.frequency_penalty, -0.5);
  EXPECT_EQ(request.sampling.repeat_penalty, 1.25);
  EXPECT_EQ(request.sampling.grammar, "root ::= \"a\"");
  EXPECT_EQ(request.routing.policy, "margin");
  EXPECT_EQ(request.routing.budget, 0.25);
  EXPECT_FALSE(request.routing.threshold);
}

TEST(OpenAiRequest, BiasesOfTokensAndOfTexts) {
  const float never = -std::numeric_limits<float>::infinity();
  const auto biases = [](const std::string& value) {
    return parse(R"({"prompt": "x", "logit_bias": )" + value + "}").sampling.logit_bias;
  };
  EXPECT_THAT(biases(R"({"5": 1, "ab": -2})"),
              ElementsAre(Pair(5, 1.0F), Pair('a', -2.0F), Pair('b', -2.0F)));
  EXPECT_THAT(biases(R"([[5, 1], ["7", 2], ["c", false]])"),
              ElementsAre(Pair(5, 1.0F), Pair(7, 2.0F), Pair('c', never)));
  EXPECT_THAT(biases("[]"), ElementsAre());
}

TEST(OpenAiRequest, APromptOfTokensAndTexts) {
  using Tokens = std::vector<Token>;
  const auto prompts = [](const std::string& prompt) {
    return parse(R"({"prompt": )" + prompt + "}").prompts;
  };
  EXPECT_THAT(prompts(R"([5, "ab", 7, "c"])"), ElementsAre(Tokens{5, 'a', 'b', 7, 'c'}));
  EXPECT_THAT(prompts(R"([["a", 5], "b"])"),
              ElementsAre(TextOrTokens(Tokens{1, 'a', 5}), TextOrTokens("b")));
  EXPECT_EQ(error_of(R"({"prompt": [5, "a", 300]})", false).param(), "prompt");
}

TEST(OpenAiRequest, NoAnswerIsLongerThanTheServerAllows) {
  RequestLimits bounded = limits();
  bounded.most_tokens = 50;
  const auto most = [&](const std::string& more) {
    return parse_completion_request(parse_body(R"({"prompt": "x")" + more + "}"), bounded)
        .max_tokens;
  };
  EXPECT_EQ(most(""), 50) << "the default is 77";
  EXPECT_EQ(most(R"(, "max_tokens": 49)"), 49);
  EXPECT_EQ(most(R"(, "max_tokens": -1)"), 50);
  EXPECT_EQ(most(R"(, "n_predict": 51)"), 50);
}

TEST(OpenAiRequest, ThinkingIsTheTemplatesMatter) {
  const auto variables = [](const std::string& fields) {
    return parse_chat(with_messages(fields)).template_kwargs;
  };
  EXPECT_TRUE(parse_chat(with_messages(R"("n": 1)")).template_kwargs.empty());
  EXPECT_EQ(variables(R"("chat_template_kwargs": {"a": 1}, "enable_thinking": true)"),
            Json::parse(R"({"a": 1, "enable_thinking": true})"));
  EXPECT_EQ(variables(R"("reasoning_effort": "low")"),
            Json::parse(R"({"reasoning_effort": "low"})"));
  EXPECT_EQ(variables(R"("reasoning_effort": "none")")["enable_thinking"], false);
  EXPECT_EQ(parse_chat(with_messages(R"("thinking_budget_tokens": 7)")).reasoning_budget, 7);
  const GenerationRequest request = parse_chat(
      R"({"messages": [{"role": "assistant", "content": "4", "reasoning_content": "2 + 2"}]})");
  EXPECT_EQ(request.messages[0]["reasoning_content"], "2 + 2");
}

TEST(OpenAiRequest, NullIsAsIfMissing) {
  const GenerationRequest request = parse(
      R"({"prompt": "x", "max_tokens": null, "stop": null, "seed": null, "logprobs": null,
          "citer": null, "stream_options": null})");
  EXPECT_EQ(request.max_tokens, 77);
  EXPECT_FALSE(request.logprobs());
}

TEST(OpenAiRequest, ASchemaMayStandBesideTheType) {
  const auto grammar = [](const std::string& format) {
    return parse(R"({"prompt": "x", "response_format": )" + format + "}").sampling.grammar;
  };
  const std::string plain = grammar(R"({"type": "json_schema", "schema": {"const": "42"}})");
  EXPECT_THAT(plain, testing::StartsWith("root ::= \"\\\"42"));
  EXPECT_EQ(grammar(R"({"type": "json_object", "schema": {"const": "42"}})"), plain);
  EXPECT_NE(grammar(R"({"type": "json_object"})"), plain);
  EXPECT_EQ(parse(R"({"prompt": "x", "json_schema": {"const": "42"}})").sampling.grammar, plain);
}

TEST(OpenAiRequest, TextsToChooseFromAreAGrammar) {
  const std::string grammar = R"(root ::= ("yes" | "a\"b"))";
  EXPECT_EQ(parse(R"({"prompt": "x", "guided_choice": ["yes", "a\"b"]})").sampling.grammar,
            grammar);
  EXPECT_EQ(parse(R"({"prompt": "x", "structured_outputs": {"choice": ["yes", "a\"b"]}})")
                .sampling.grammar,
            grammar);
}

TEST(OpenAiRequest, ToolsThatAreAllowedAreTheOnlyOnes) {
  const GenerationRequest request = parse_chat(with_messages(R"("tools": [
      {"type": "function", "function": {"name": "f", "strict": true}},
      {"type": "function", "function": {"name": "g"}}], "tool_choice": {"type": "allowed_tools",
      "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function":
      {"name": "g"}}]}})"));
  EXPECT_EQ(request.tools, Json::parse(R"([{"type": "function", "function": {"name": "g"}}])"));
  EXPECT_EQ(request.must_call, request.tools);
}

TEST(OpenAiRequest, AnEmptyListOfToolCallsIsAsIfMissing) {
  const auto messages = [](const std::string& more) {
    return parse_chat(R"({"messages": [{"role": "assistant", "content": "x")" + more + "}]}")
        .messages;
  };
  EXPECT_EQ(messages(R"(, "tool_calls": [])"), messages(""));
}

TEST(OpenAiRequest, WithoutToolsNoneMayBeCalled) {
  for (const char* more : {R"("tool_choice": "none")", R"("tools": [], "tool_choice": "auto")"}) {
    EXPECT_TRUE(parse_chat(with_messages(more)).tools.empty()) << more;
  }
}

TEST(OpenAiRequest, ASuffixIsRefusedUnlessItSaysNothing) {
  EXPECT_EQ(error_of(R"({"prompt": "x", "suffix": "y"})", false).param(), "suffix");
  EXPECT_NO_THROW(parse(R"({"prompt": "x", "suffix": null})"));
  EXPECT_NO_THROW(parse(R"({"prompt": "x", "suffix": ""})"));
  EXPECT_NO_THROW(parse(R"({"prompt": "x", "no_such_field": null})"));
}

TEST(OpenAiRequest, AToolsNullParametersAreAsIfMissing) {
  const auto tools = [](const std::string& more) {
    const std::string body = R"({"messages": [{"role": "user", "content": "x"}], "tools": [
        {"type": "function", "function": {"name": "f")" +
                             more + "}}]}";
    return parse_chat_request(parse_body(body), limits()).tools;
  };
  EXPECT_EQ(tools(R"(, "parameters": null)"), tools(""));
  EXPECT_EQ(tools(R"(, "parameters": true)")[0]["function"]["parameters"], true);
}

TEST(OpenAiRequest, SeedIsDrawnWhereNoneIsGiven) {
  RequestLimits random = limits();
  random.random_seed = true;
  const auto seed = [&](const char* body) {
    return parse_completion_request(parse_body(body), random).sampling.seed;
  };
  EXPECT_NE(seed(R"({"prompt": ""})"), seed(R"({"prompt": ""})"));
  EXPECT_NE(seed(R"({"prompt": "", "seed": -1})"), seed(R"({"prompt": "", "seed": -1})"));
  EXPECT_EQ(seed(R"({"prompt": "", "seed": 4})"), 4U);
}

TEST(OpenAiRequest, Prompts) {
  using Tokens = std::vector<Token>;
  EXPECT_THAT(parse(R"({"prompt": "a"})").prompts, ElementsAre(TextOrTokens("a")));
  EXPECT_THAT(parse(R"({"prompt": ["a", "b"]})").prompts,
              ElementsAre(TextOrTokens("a"), TextOrTokens("b")));
  EXPECT_THAT(parse(R"({"prompt": [1, 299]})").prompts, ElementsAre(TextOrTokens(Tokens{1, 299})));
  EXPECT_THAT(parse(R"({"prompt": [[1], [2, 3]]})").prompts,
              ElementsAre(TextOrTokens(Tokens{1}), TextOrTokens(Tokens{2, 3})));
}

TEST(OpenAiRequest, Messages) {
  const GenerationRequest request = parse_chat(R"({"messages": [
      {"role": "developer", "content": "Be brief."},
      {"role": "user", "name": "x",
       "content": [{"type": "text", "text": "Hi "}, {"type": "text", "text": "there"}]},
      {"role": "assistant", "content": ""}]})");
  ASSERT_EQ(request.messages.size(), 3U);
  EXPECT_EQ(request.messages[0]["role"], "system");
  EXPECT_EQ(request.messages[1]["content"], "Hi there");
  EXPECT_EQ(request.messages[2]["role"], "assistant");
}

TEST(OpenAiRequest, BodiesThatAreNoRequest) {
  EXPECT_THAT(error_of("", false).what(), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of("{\"prompt\": ", false).what(), HasSubstr("line 1, column 12"));
  EXPECT_THAT(error_of("{\"prompt\": \"\xff\"}", false).what(), HasSubstr("UTF-8"));
  EXPECT_THAT(error_of("[]", false).what(), HasSubstr("expected an object, found an array"));
  EXPECT_THAT(error_of(std::string(100000, '['), false).what(), HasSubstr("nested too deeply"));
  std::string keys = "{";
  for (int i = 0; i < 30000; ++i) keys += "\"" + std::to_string(i) + "\":0,";
  EXPECT_THAT(error_of(keys + "\"prompt\":\"\"}", false).what(), HasSubstr("keys"));
}

TEST(OpenAiRequest, WrongFieldsAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"("model": 3)", "model"},
      {R"("max_tokens": "5")", "max_tokens"},
      {R"("max_tokens": 1.5)", "max_tokens"},
      {R"("max_tokens": -2)", "max_tokens"},
      {R"("max_tokens": 1e30)", "max_tokens"},
      {R"("max_tokens": 18446744073709551615)", "max_tokens"},
      {R"("max_completion_tokens": [])", "max_completion_tokens"},
      {R"("temperature": -0.1)", "temperature"},
      {R"("temperature": 1e300)", "temperature"},
      {R"("temperature": true)", "temperature"},
      {R"("top_p": 1.01)", "top_p"},
      {R"("top_k": -5)", "top_k"},
      {R"("min_p": 2)", "min_p"},
      {R"("seed": "x")", "seed"},
      {R"("seed": 1e19)", "seed"},
      {R"("stop": 5)", "stop"},
      {R"("stop": ["a", 5])", "stop"},
      {R"("stop": "")", "stop"},
      {R"("n": 0)", "n"},
      {R"("n": 1000)", "n"},
      {R"("stream": "yes")", "stream"},
      {R"("stream_options": 1)", "stream_options"},
      {R"("stream_options": {"include_usage": 1})", "stream_options.include_usage"},
      {R"("stream_options": {"include_usage": true})", "stream_options"},
      {R"("stream": false, "stream_options": {})", "stream_options"},
      {R"("n_predict": -2)", "n_predict"},
      {R"("no_such_field": 0)", "no_such_field"},
      {R"("citer": {"polcy": "slm"})", "citer.polcy"},
      {R"("response_format": {"type": "text", "strict": true})", "response_format.strict"},
      {R"("tools": [{"type": "function", "function": {"name": "f", "x": 1}}])",
       "tools[0].function.x"},
      {R"("messages": [{"role": "user", "content": "Hi", "mood": "good"}])", "messages[0].mood"},
      {R"("guided_choice": ["a", 1])", "guided_choice[1]"},
      {R"("guided_choice": ["a"], "guided_json": {})", "guided_json"},
      {R"("structured_outputs": {"regex": "a+"})", "structured_outputs.regex"},
      {R"("structured_outputs": {"choice": []})", "structured_outputs.choice"},
      {R"("tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice":
          {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}})",
       "tool_choice.allowed_tools.tools"},
      {R"("tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice":
          {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools":
           [{"type": "function", "function": {"name": "g"}}]}})",
       "tool_choice.allowed_tools.tools"},
      {R"("tool_choice": {"type": "custom"})", "tool_choice.type"},
      {R"("min_tokens": -1)", "min_tokens"},
      {R"("logprobs": 5)", "logprobs"},
      {R"("top_logprobs": 2)", "top_logprobs"},
      {R"("logprobs": true, "top_logprobs": 21)", "top_logprobs"},
      {R"("logit_bias": "x")", "logit_bias"},
      {R"("logit_bias": {"": 1})", "logit_bias"},
      {R"("logit_bias": [5])", "logit_bias"},
      {R"("logit_bias": [[5.5, 1]])", "logit_bias"},
      {R"("logit_bias": [[5, true]])", "logit_bias"},
      {R"("logit_bias": {"300": 1})", "logit_bias"},
      {R"("logit_bias": {"-1": 1})", "logit_bias"},
      {R"("logit_bias": {"1": 101})", "logit_bias"},
      {R"("logit_bias": {"1": "a"})", "logit_bias"},
      {R"("presence_penalty": 3)", "presence_penalty"},
      {R"("frequency_penalty": -3)", "frequency_penalty"},
      {R"("repeat_penalty": 0)", "repeat_penalty"},
      {R"("response_format": "text")", "response_format"},
      {R"("response_format": {})", "response_format.type"},
      {R"("response_format": {"type": "xml"})", "response_format.type"},
      {R"("response_format": {"type": "json_schema"})", "response_format.json_schema"},
      {R"("response_format": {"type": "json_schema", "json_schema": {}})",
       "response_format.json_schema.schema"},
      {R"("response_format": {"type": "json_object", "schema": 123})", "response_format.schema"},
      {R"("response_format": {"type": "json_object", "schema": {"type": 123}})",
       "response_format.schema"},
      {R"("response_format": {"type": "json_object", "schema": {"type": "hiccup"}})",
       "response_format.schema"},
      {R"("response_format": {"type": "json_schema", "json_schema": {"schema": {"type": 1}}})",
       "response_format.json_schema.schema"},
      {R"("response_format": {"type": "json_object"}, "grammar": "root ::= [a]")", "grammar"},
      {R"("response_format": {"type": "json_object"}, "json_schema": {})", "json_schema"},
      {R"("json_schema": {"type": "hiccup"})", "json_schema"},
      {R"("grammar": {})", "grammar"},
      {R"("functions": [{"name": "f"}])", "functions"},
      {R"("tools": {})", "tools"},
      {R"("tools": ["f"])", "tools[0]"},
      {R"("tools": [{"type": "search"}])", "tools[0].type"},
      {R"("tools": [{"type": "function"}])", "tools[0].function"},
      {R"("tools": [{"type": "function", "function": {}}])", "tools[0].function.name"},
      {R"("tools": [{"type": "function", "function": {"name": "f", "parameters": 1}}])",
       "tools[0].function.parameters"},
      {R"("tools": [{"type": "function", "function": {"name": "f", "parameters": false}}])",
       "tools[0].function.parameters"},
      {R"("tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "maybe")",
       "tool_choice"},
      {R"("tools": [{"type": "function", "function": {"name": "f"}}],
          "tool_choice": {"type": "function", "function": {"name": "g"}})",
       "tool_choice.function.name"},
      {R"("tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required",
          "grammar": "root ::= [a]")",
       "tool_choice"},
      {R"("tool_choice": "required")", "tool_choice"},
      {R"("tools": [], "tool_choice": "required")", "tool_choice"},
      {R"("tools": null, "tool_choice": {"type": "function", "function": {"name": "f"}})",
       "tool_choice.function.name"},
      {R"("citer": "fast")", "citer"},
      {R"("citer": {"policy": 1})", "citer.policy"},
      {R"("citer": {"threshold": 1.5})", "citer.threshold"},
      {R"("citer": {"budget": -1})", "citer.budget"},
      {R"("citer": {"trace": 1})", "citer.trace"},
      {R"("messages": "Hi")", "messages"},
      {R"("messages": [])", "messages"},
      {R"("messages": ["Hi"])", "messages[0]"},
      {R"("messages": [{"role": "king", "content": ""}])", "messages[0].role"},
      {R"("messages": [{"role": "user"}])", "messages[0].content"},
      {R"("messages": [{"role": "user", "content": 5}])", "messages[0].content"},
      {R"("messages": [{"role": "tool"}])", "messages[0].content"},
      {R"("messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}])",
       "messages[0].tool_calls[0].function"},
      {R"("messages": [{"role": "user", "content": [{"type": "image_url"}]}])",
       "messages[0].content[0].type"},
  };
  for (const auto& [field, param] : cases) {
    // A second "messages" stands for the first.
    const ApiError error = error_of(with_messages(field), true);
    EXPECT_EQ(error.status(), 400) << field;
    EXPECT_EQ(error.param(), param) << field;
    EXPECT_THAT(error.what(), HasSubstr(param)) << field;
  }
}

TEST(OpenAiRequest, WrongFieldsOfPlainCompletions) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({})", "prompt"},
      {R"({"prompt": 5})", "prompt"},
      {R"({"prompt": []})", "prompt"},
      {R"({"prompt": [300]})", "prompt"},
      {R"({"prompt": [-1]})", "prompt"},
      {R"({"prompt": [1, []]})", "prompt"},
      {R"({"prompt": ["a", 1.5]})", "prompt"},
      {R"({"prompt": "", "logprobs": true})", "logprobs"},
      {R"({"prompt": "", "logprobs": 21})", "logprobs"},
      {R"({"prompt": "", "echo": 1})", "echo"},
      {R"({"prompt": "", "echo": true, "logprobs": 1, "stream": true})", "stream"},
  };
  for (const auto& [body, param] : cases) {
    EXPECT_EQ(error_of(body, false).param(), param) << body;
  }
}

}  // namespace
}  // namespace citer
