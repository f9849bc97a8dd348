// What clients of OpenAI's API, llama-server and vLLM were seen to send and to miss.
#include "serve/server.h"

namespace citer {
namespace {

using test::error_of;
using test::kQuestion;
using testing::HasSubstr;
using testing::StartsWith;

class ClientsTest : public test::ServerTest {};

TEST_F(ClientsTest, TokenizeAsVllmHasIt) {
  start();
  const Json tokenized = answer("/tokenize", {{"prompt", "Aé"}, {"return_token_strs", true}});
  EXPECT_EQ(tokenized["count"], tokenized["tokens"].size());
  EXPECT_EQ(tokenized["token_strs"].size(), tokenized["tokens"].size());
  EXPECT_EQ(tokenized["max_model_len"], 512);
  const Json without =
      answer("/tokenize", {{"prompt", "Aé"}, {"add_special_tokens", false}})["tokens"];
  EXPECT_EQ(answer("/detokenize", {{"tokens", without}})["prompt"], "Aé");
  const Json messages = {{{"role", "user"}, {"content", "Hi"}}};
  EXPECT_EQ(answer("/tokenize", {{"messages", messages}})["count"],
            answer("/v1/chat/completions",
                   {{"messages", messages}, {"max_tokens", 1}})["usage"]["prompt_tokens"]);
  const Json info = Json::parse(client().Get("/tokenizer_info")->body);
  EXPECT_TRUE(info["eos_token"].is_string());
  EXPECT_THAT(info["chat_template"].get<std::string>(), HasSubstr("messages"));
}

TEST_F(ClientsTest, ATemplateIsAppliedForWhoAsks) {
  start();
  const Json messages = {{{"role", "user"}, {"content", kQuestion}}};
  const std::string prompt = answer("/apply-template", {{"messages", messages}})["prompt"];
  EXPECT_THAT(prompt, HasSubstr(kQuestion));
  const auto text = [&](const char* path, const Json& body) {
    return answer(path, body)["choices"][0];
  };
  EXPECT_EQ(text("/v1/completions", {{"prompt", prompt}, {"max_tokens", 9}})["text"],
            text("/v1/chat/completions",
                 {{"messages", messages}, {"max_tokens", 9}})["message"]["content"]);
}

TEST_F(ClientsTest, ATemplateMayLeaveOutTheBeginningOfTheAnswer) {
  start_with_tools();
  Json body = {{"messages", {{{"role", "user"}, {"content", kQuestion}}}}};
  const std::string begun = answer("/apply-template", body)["prompt"];
  body["add_generation_prompt"] = false;
  EXPECT_EQ(answer("/apply-template", body)["prompt"].get<std::string>() + "assistant: ", begun);
}

TEST_F(ClientsTest, AModelByItsName) {
  api_.version = "1.2.3";
  api_.aliases = {"gpt-4o"};
  start();
  EXPECT_EQ(Json::parse(client().Get("/v1/models/llm")->body)["id"], "llm");
  EXPECT_EQ(Json::parse(client().Get("/models/citer-budget-0.07")->body)["object"], "model");
  EXPECT_EQ(error_of(client().Get("/v1/models/gpt-4"), 404)["code"], "model_not_found");
  EXPECT_EQ(Json::parse(client().Get("/v1/models/gpt-4o")->body)["id"], "gpt-4o");
  EXPECT_EQ(Json::parse(client().Get("/version")->body), Json({{"version", "1.2.3"}}));
  const Json response =
      answer("/v1/completions", {{"prompt", "Hi"}, {"model", "gpt-4o"}, {"max_tokens", 1}});
  EXPECT_EQ(response["model"], "gpt-4o");
  EXPECT_EQ(response["citer"]["policy"], "citer");
  EXPECT_THAT(response["system_fingerprint"].get<std::string>(), StartsWith("fp_"));
  error_of(post("/v1/completions", {{"prompt", "Hi"}, {"model", "gpt-4"}}), 404);
}

TEST_F(ClientsTest, AnyModelIsTheServersOwnIfItSaysSo) {
  api_.any_model = true;
  start();
  const auto policy = [&](const char* model) {
    return answer("/v1/completions",
                  {{"prompt", "Hi"}, {"model", model}, {"max_tokens", 1}})["citer"]["policy"];
  };
  EXPECT_EQ(policy("gpt-3.5-turbo"), "citer");
  EXPECT_EQ(policy("llm"), "llm");
}

TEST_F(ClientsTest, AnswersGoOnPastTheirEnd) {
  start();
  const Json body = {{"messages", {{{"role", "user"}, {"content", kQuestion}}}},
                     {"max_tokens", 150}};
  const int natural = answer("/v1/chat/completions", body)["usage"]["completion_tokens"];
  ASSERT_LT(natural, 100);
  for (const auto& [field, value, least] : {std::tuple{"ignore_eos", Json(true), 150},
                                            {"min_tokens", Json(natural + 5), natural + 6},
                                            {"min_tokens", Json(2), natural}}) {
    Json longer = body;
    longer[field] = value;
    const Json response = answer("/v1/chat/completions", longer);
    EXPECT_GE(response["usage"]["completion_tokens"], least) << field;
    EXPECT_EQ(response["choices"][0]["finish_reason"] == "length",
              response["usage"]["completion_tokens"] == 150);
  }
  Json formed = body;
  formed["ignore_eos"] = true;
  formed["grammar"] = "root ::= \"abc\"";
  EXPECT_EQ(answer("/v1/chat/completions", formed)["choices"][0]["message"]["content"], "abc");
}

TEST_F(ClientsTest, CachedTokensAreCounted) {
  start();
  const auto cached = [&](const std::string& more) {
    const Json usage =
        answer("/v1/completions",
               {{"prompt", kQuestion + more}, {"model", "llm"}, {"max_tokens", 1}})["usage"];
    return std::pair{usage["prompt_tokens"].get<int>(),
                     usage["prompt_tokens_details"]["cached_tokens"].get<int>()};
  };
  const auto [first, none] = cached("");
  EXPECT_EQ(none, 0);
  EXPECT_EQ(cached("").second, first - 1) << "the last one is read again";
  EXPECT_GE(cached(" Well").second, first - 1);
}

TEST_F(ClientsTest, AnAnswerGoesOnWithTheAssistantsLastMessage) {
  start();
  const Json asked = {{"role", "user"}, {"content", kQuestion}};
  const auto text = [&](const Json& messages, Json more) {
    more.update(Json{{"messages", messages}, {"max_tokens", 60}, {"model", "llm"}});
    return answer("/v1/chat/completions", more)["choices"][0]["message"]["content"]
        .get<std::string>();
  };
  const std::string whole = text(Json::array({asked}), Json::object());
  const std::string begun = whole.substr(0, whole.find(' ', whole.size() / 2));
  const Json messages = {asked, {{"role", "assistant"}, {"content", begun}}};
  EXPECT_EQ(begun + text(messages, Json::object()), whole);
  EXPECT_EQ(begun + text(messages, {{"continue_final_message", true}}), whole);
  EXPECT_NE(begun + text(messages, {{"add_generation_prompt", true}}), whole);
  EXPECT_THAT(answer("/apply-template", {{"messages", messages}})["prompt"].get<std::string>(),
              testing::EndsWith(begun));
  const Json told =
      answer("/v1/messages", {{"messages", messages}, {"max_tokens", 60}, {"model", "llm"}});
  EXPECT_EQ(begun + told["content"][0]["text"].get<std::string>(), whole);

  const Json twice = {asked, messages[1], messages[1]};
  EXPECT_EQ(error_of(post("/v1/chat/completions", {{"messages", twice}}), 400)["param"],
            "messages");
  for (const Json& wrong :
       {Json{{"messages", messages},
             {"continue_final_message", true},
             {"add_generation_prompt", true}},
        Json{{"messages", Json::array({asked})}, {"continue_final_message", true}}}) {
    EXPECT_EQ(error_of(post("/v1/chat/completions", wrong), 400)["param"],
              "continue_final_message");
  }
}

TEST_F(ClientsTest, PromptsAreCountedAndToldToWhoAsks) {
  start();
  const Json body = {{"messages", {{{"role", "user"}, {"content", kQuestion}}}}, {"max_tokens", 1}};
  Json verbose = body;
  verbose["verbose"] = true;
  const Json response = answer("/v1/chat/completions", verbose);
  EXPECT_EQ(answer("/v1/chat/completions/input_tokens", body)["input_tokens"],
            response["usage"]["prompt_tokens"]);
  EXPECT_EQ(answer("/v1/responses/input_tokens", {{"input", kQuestion}})["input_tokens"],
            response["usage"]["prompt_tokens"]);
  EXPECT_EQ(response["__verbose"]["prompt"],
            answer("/apply-template", {{"messages", body["messages"]}})["prompt"]);
  EXPECT_FALSE(answer("/v1/chat/completions", body).contains("__verbose"));
}

TEST_F(ClientsTest, AnAnswersTextIsOneOfSome) {
  start();
  for (const Json& field : {Json{{"guided_choice", {"yes", "no"}}},
                            Json{{"structured_outputs", {{"choice", {"yes", "no"}}}}}}) {
    Json body = {{"prompt", kQuestion}};
    body.update(field);
    EXPECT_THAT(text_of(body), testing::AnyOf("yes", "no"));
  }
}

TEST_F(ClientsTest, SchemasAsClientsWriteThem) {
  start();
  const auto text = [&](const Json& schema) {
    return text_of(
        {{"prompt", kQuestion},
         {"max_tokens", 300},
         {"response_format",
          {{"type", "json_schema"}, {"json_schema", {{"name", "x"}, {"schema", schema}}}}}});
  };
  // Zod 4 writes the pattern of a format beside it.
  const std::string uuid =
      text({{"type", "string"},
            {"format", "uuid"},
            {"pattern",
             "^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-"
             "[0-9a-fA-F]{12}|00000000-0000-0000-0000-000000000000)$"}});
  EXPECT_THAT(uuid, testing::ContainsRegex("^\"[0-9a-fA-F-]{36}\"$"));
  EXPECT_THAT(text({{"type", "string"}, {"format", "email"}}), HasSubstr("@"));
  EXPECT_LE(text({{"type", "string"}, {"maxLength", 2083}, {"minLength", 1}}).size(), 2100U);
  const Json list = Json::parse(
      text({{"type", "array"}, {"maxItems", 10000}, {"minItems", 1}, {"items", {{"const", 1}}}}) +
          "",
      nullptr, false);
  EXPECT_TRUE(list.is_array() || list.is_discarded()) << "it may be cut off";
  const int sixes =
      std::stoi(text({{"type", "integer"}, {"minimum", 7}, {"multipleOf", 6}, {"maximum", 99}}));
  EXPECT_EQ(sixes % 6, 0);
  EXPECT_GE(sixes, 12);
}

}  // namespace
}  // namespace citer
