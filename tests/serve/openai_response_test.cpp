// Responses made from answers written by hand, in both formats, whole and in chunks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "model/model.h"
#include "serve/openai_response.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace citer {
namespace {

class OpenAiResponse : public testing::Test {
 protected:
  OpenAiResponse() {
    test::write_tiny_model(folder_ / "m.gguf");
    model_ = Model::load({.path = (folder_ / "m.gguf").string()});
  }

  const Vocab& vocab() const { return model_->vocab(); }

  TokenRecord record(unsigned char byte, Writer writer) const {
    TokenRecord token;
    token.id = test::tiny_byte_token(byte);
    token.piece = vocab().piece(token.id);
    token.writer = writer;
    token.score = 0.75F;
    token.seconds = 0.5;
    token.logprobs = TokenLogprobs{-0.5F, {{token.id, -0.5F}, {test::tiny_byte_token('z'), -2.0F}}};
    return token;
  }

  /// "Aé" and the end of the text; the first byte of é by the LLM.
  Answer answer() const {
    Answer answer;
    answer.text = "A\xc3\xa9";
    answer.tokens = {record('A', Writer::kSlm), record(0xc3, Writer::kLlm),
                     record(0xa9, Writer::kSlm)};
    TokenRecord end;
    end.id = test::kTinyEos;
    answer.tokens.push_back(end);
    answer.finish = FinishReason::kEndOfGeneration;
    answer.counters.slm_tokens = 3;
    answer.counters.llm_tokens = answer.counters.llm_own_tokens = 1;
    answer.counters.llm_passes = 2;
    answer.threshold = 0.9;
    answer.seconds = 2;
    return answer;
  }

  Json whole(const ResponseFormat& format, const std::vector<Answer>& answers) const {
    return Json::parse(CompletionWriter(vocab(), format, 7).whole(answers));
  }

  /// The data of the first of some events.
  static Json chunk_of(const std::string& events) {
    EXPECT_THAT(events, testing::StartsWith("data: "));
    return Json::parse(events.substr(6, events.find("\n\n") - 6));
  }

  test::TempDir folder_;
  std::shared_ptr<Model> model_;
};

TEST_F(OpenAiResponse, Chat) {
  const Json response =
      whole({.api = ApiKind::kChat, .model = "citer-budget-0.1", .policy = "citer"}, {answer()});
  EXPECT_EQ(response["object"], "chat.completion");
  EXPECT_THAT(response["id"].get<std::string>(), testing::StartsWith("chatcmpl-"));
  EXPECT_EQ(response["model"], "citer-budget-0.1");
  EXPECT_EQ(response["choices"],
            Json::parse(R"([{"index": 0, "message": {"role": "assistant", "content": "Aé",
                             "refusal": null}, "logprobs": null, "finish_reason": "stop"}])"));
  EXPECT_EQ(response["usage"],
            Json::parse(R"({"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11,
                           "prompt_tokens_details": {"cached_tokens": 0},
                           "completion_tokens_details": {"reasoning_tokens": 0}})"));
  EXPECT_EQ(response["citer"], Json::parse(R"({"policy": "citer", "threshold": 0.9,
      "seconds": 2.0, "tokens_per_second": 2.0, "tokens": 4, "slm_tokens": 3, "llm_tokens": 1,
      "llm_own_tokens": 1, "llm_share": 0.25, "slm_passes": 0, "llm_passes": 2,
      "slm_positions": 0, "llm_positions": 0, "accepted": 0, "rejected": 0, "dropped": 0,
      "unanswered": 0})"));
}

TEST_F(OpenAiResponse, SaysWhereTheLlmWroteAloneSinceRoutingWouldBeSlower) {
  Answer alone = answer();
  alone.not_routed = {8.5, 10.5};
  EXPECT_FALSE(whole({.api = ApiKind::kChat}, {answer()})["citer"].contains("not_routed"));
  EXPECT_EQ(whole({.api = ApiKind::kChat}, {answer(), alone})["citer"]["not_routed"],
            Json::parse(R"({"routed_tokens_per_second": 8.5, "llm_tokens_per_second": 10.5})"));
}

TEST_F(OpenAiResponse, ChatLogprobsLeaveTheEndOut) {
  const Json response = whole({.api = ApiKind::kChat, .logprobs = true}, {answer()});
  const Json& content = response["choices"][0]["logprobs"]["content"];
  ASSERT_EQ(content.size(), 3U);
  EXPECT_EQ(content[0], Json::parse(R"({"id": 68, "token": "A", "logprob": -0.5, "bytes": [65],
      "top_logprobs": [{"id": 68, "token": "A", "logprob": -0.5, "bytes": [65]},
                       {"id": 125, "token": "z", "logprob": -2.0, "bytes": [122]}]})"));
  EXPECT_EQ(content[1]["token"], "bytes:\\xc3");
  EXPECT_EQ(content[1]["bytes"], Json::parse("[195]"));
}

TEST_F(OpenAiResponse, CompletionLogprobsWithTheEchoedPrompt) {
  Answer scored = answer();
  scored.prompt = {record('P', Writer::kLlm), record('Q', Writer::kSlm)};
  scored.prompt[0].logprobs.reset();
  const Json response = whole({.logprobs = true, .echoes = {"PQ"}}, {scored});
  EXPECT_EQ(response["object"], "text_completion");
  const Json& choice = response["choices"][0];
  EXPECT_EQ(choice["text"], "PQAé");
  const Json& logprobs = choice["logprobs"];
  EXPECT_EQ(logprobs["tokens"], Json::parse(R"(["P", "Q", "A", "bytes:\\xc3", "bytes:\\xa9",
                                               "<|end|>"])"))
      << logprobs.dump();
  EXPECT_EQ(logprobs["token_logprobs"], Json::parse("[null, -0.5, -0.5, -0.5, -0.5, null]"));
  EXPECT_EQ(logprobs["text_offset"], Json::parse("[0, 1, 2, 3, 4, 4]"));
  EXPECT_EQ(logprobs["top_logprobs"][0], nullptr);
  EXPECT_EQ(logprobs["top_logprobs"][1], Json::parse(R"({"Q": -0.5, "z": -2.0})"));
}

TEST_F(OpenAiResponse, TheTokenItselfIsAmongTheTopLogprobs) {
  Answer unlikely = answer();
  unlikely.tokens.resize(1);
  for (const bool any : {true, false}) {
    if (any)
      unlikely.tokens[0].logprobs = TokenLogprobs{-3.0F, {{test::tiny_byte_token('z'), -2.0F}}};
    if (!any) unlikely.tokens[0].logprobs = TokenLogprobs{-3.0F, {}};
    const Json top =
        whole({.logprobs = true}, {unlikely})["choices"][0]["logprobs"]["top_logprobs"];
    EXPECT_EQ(top[0], Json::parse(any ? R"({"z": -2.0, "A": -3.0})" : R"({"A": -3.0})"));
  }
}

TEST_F(OpenAiResponse, TimingsTellThePromptsFromTheAnswers) {
  Answer timed = answer();  // tokens of half a second each, and one of none
  timed.prompt_tokens = 9;
  timed.cached_tokens = 5;
  const Json timings = whole({.api = ApiKind::kChat}, {timed})["timings"];
  EXPECT_EQ(timings["cache_n"], 5);
  EXPECT_EQ(timings["prompt_n"], 4);
  EXPECT_EQ(timings["prompt_ms"], 500);
  EXPECT_EQ(timings["prompt_per_second"], 8);
  EXPECT_EQ(timings["predicted_n"], 4);
  EXPECT_EQ(timings["predicted_ms"], 1000);
  EXPECT_EQ(timings["predicted_per_second"], 3) << "the first comes with the prompt";
  EXPECT_FALSE(whole({.n = 2}, {timed, timed}).contains("timings"));
}

TEST_F(OpenAiResponse, APromptsCachedTokensAreCountedOnce) {
  Answer cached = answer();
  cached.cached_tokens = 5;
  const auto details = [&](int n) {
    return whole({.n = n}, {cached, cached})["usage"]["prompt_tokens_details"]["cached_tokens"];
  };
  EXPECT_EQ(details(2), 5);
  EXPECT_EQ(details(1), 10);
}

TEST_F(OpenAiResponse, ScoringAloneShowsNothingWritten) {
  Answer scored = answer();
  scored.prompt = {record('P', Writer::kLlm)};
  scored.tokens.clear();
  scored.text.clear();
  scored.counters = {};
  scored.finish = FinishReason::kLength;
  const Json response = whole({.logprobs = true, .echoes = {"P"}}, {scored});
  EXPECT_EQ(response["choices"][0]["text"], "P");
  EXPECT_EQ(response["choices"][0]["finish_reason"], "length");
  EXPECT_EQ(response["choices"][0]["logprobs"]["tokens"], Json::parse(R"(["P"])"));
  EXPECT_EQ(response["usage"]["completion_tokens"], 0);
}

TEST_F(OpenAiResponse, TraceNamesWritersAndScores) {
  const Json response = whole({.trace = true}, {answer()});
  const Json& trace = response["citer"]["trace"];
  ASSERT_EQ(trace.size(), 4U);
  EXPECT_EQ(trace[0], Json::parse(R"({"id": 68, "text": "A", "writer": "slm", "score": 0.75,
                                      "seconds": 0.5})"));
  EXPECT_EQ(trace[1]["writer"], "llm");
  EXPECT_EQ(trace[1]["text"], "\xef\xbf\xbd");
}

TEST_F(OpenAiResponse, SeveralAnswersHaveTheirOwnFigures) {
  const Json response = whole({.trace = true}, {answer(), answer()});
  EXPECT_EQ(response["choices"][1]["index"], 1);
  EXPECT_EQ(response["choices"][1]["citer"]["slm_tokens"], 3);
  EXPECT_EQ(response["choices"][1]["citer"]["trace"].size(), 4U);
  EXPECT_EQ(response["citer"]["slm_tokens"], 6);
  EXPECT_EQ(response["usage"]["completion_tokens"], 8);
}

TEST_F(OpenAiResponse, TextIsAlwaysUtf8) {
  Answer broken = answer();
  broken.text = "a\xff\xc3";
  const Json response = whole({.api = ApiKind::kChat}, {broken});
  EXPECT_EQ(response["choices"][0]["message"]["content"], "a\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_F(OpenAiResponse, ChatChunks) {
  CompletionWriter writer(
      vocab(), {.api = ApiKind::kChat, .logprobs = true, .trace = true, .include_usage = true}, 7);
  const Json first = chunk_of(writer.begin(0));
  EXPECT_EQ(first["object"], "chat.completion.chunk");
  EXPECT_EQ(first["choices"][0]["delta"], Json::parse(R"({"role": "assistant", "content": null})"));
  EXPECT_EQ(first["usage"], nullptr);

  Growth growth;
  growth.pieces = {{"A", Writer::kLlm}};
  growth.tokens = {record('A', Writer::kLlm)};
  const Json chunk = chunk_of(writer.grow(0, growth));
  EXPECT_EQ(chunk["choices"][0]["delta"], Json::parse(R"({"content": "A"})"));
  EXPECT_EQ(chunk["choices"][0]["finish_reason"], nullptr);
  EXPECT_EQ(chunk["choices"][0]["logprobs"]["content"][0]["token"], "A");
  EXPECT_EQ(chunk["citer"]["trace"][0]["writer"], "llm");

  const Json last = chunk_of(writer.end(0, answer()));
  EXPECT_EQ(last["choices"][0]["delta"], Json::object());
  EXPECT_EQ(last["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(last["citer"]["llm_share"], 0.25);
  EXPECT_EQ(last["timings"]["predicted_n"], 4);
  EXPECT_FALSE(chunk.contains("timings"));

  const Json usage = chunk_of(writer.close({answer()}));
  EXPECT_EQ(usage["choices"], Json::array());
  EXPECT_EQ(usage["usage"]["total_tokens"], 11);
  EXPECT_EQ(usage["id"], first["id"]);
  EXPECT_EQ(usage["timings"], last["timings"]);
}

TEST_F(OpenAiResponse, CompletionChunks) {
  CompletionWriter writer(vocab(), {.logprobs = true, .echoes = {"né"}}, 7);
  EXPECT_EQ(chunk_of(writer.begin(0))["choices"][0]["text"], "né");
  Growth growth;
  growth.pieces = {{"AB", Writer::kLlm}};
  growth.tokens = {record('A', Writer::kLlm), record('B', Writer::kLlm)};
  const Json chunk = chunk_of(writer.grow(0, growth));
  EXPECT_EQ(chunk["choices"][0]["text"], "AB");
  EXPECT_EQ(chunk["choices"][0]["logprobs"]["text_offset"], Json::parse("[2, 3]"));
  EXPECT_EQ(chunk_of(writer.end(0, answer()))["choices"][0]["text"], "");
  EXPECT_EQ(writer.close({answer()}), "data: [DONE]\n\n");
}

TEST_F(OpenAiResponse, HeldBackTextGivesNoChunk) {
  Growth growth;
  growth.tokens = {record('A', Writer::kSlm)};
  CompletionWriter plain(vocab(), {}, 7);
  EXPECT_EQ(plain.begin(0), "");
  EXPECT_EQ(plain.grow(0, growth), "");
}

}  // namespace
}  // namespace citer
