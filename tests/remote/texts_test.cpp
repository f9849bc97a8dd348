// An LLM at another citer: the texts of the same pair in one process.
#include "remote/remote_pair.h"

#include "engine/slot_file.h"
#include "model/chat_format.h"
#include "support/temp_dir.h"

namespace citer::test {
namespace {

class RemoteTexts : public RemotePairTest {
 protected:
  /// Both write the same, with no answer missing.
  void expect_same(const GenerationOptions& options) {
    const auto client = client_of(server_->url());
    const std::vector<Answer> ours = client->write_all(requests(options));
    const std::vector<Answer> theirs = service_->write_all(requests(options));
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_EQ(ours[i].text, theirs[i].text);
      EXPECT_EQ(ours[i].counters.llm_tokens, theirs[i].counters.llm_tokens);
      EXPECT_EQ(ours[i].counters.unanswered, 0) << ours[i].llm_fault;
      for (std::size_t t = 0; t < ours[i].tokens.size(); ++t) {
        const auto& a = ours[i].tokens[t].logprobs;
        const auto& b = theirs[i].tokens[t].logprobs;
        ASSERT_EQ(a.has_value(), b.has_value());
        if (!a) continue;
        EXPECT_NEAR(a->logprob, b->logprob, 2e-3);
        EXPECT_EQ(a->top.size(), b->top.size());
      }
    }
  }
};

TEST_F(RemoteTexts, PlainAndSpeculative) {
  start();
  for (const double threshold : {0.3, 0.9, 1.0}) {
    for (const int pending : {1, 3, 0}) expect_same(options(threshold, pending));
  }
}

TEST_F(RemoteTexts, OfASavedSlotTheSlmsPartIsHere) {
  start();
  const TempDir folder;
  std::vector<Request> asked = requests(options(0.9), 1);
  const auto first = client_of(server_->url());
  const std::string text = first->write_all(asked).front().text;
  const SlotContent saved = save_slot(*first, 0, folder / "a");
  EXPECT_GT(saved.slm_tokens, 0U);
  EXPECT_EQ(saved.llm_tokens, 0U);

  const auto next = client_of(server_->url());
  EXPECT_EQ(restore_slot(*next, 2, folder / "a").slm_tokens, saved.slm_tokens);
  const Answer again = next->write_all(asked).front();
  EXPECT_EQ(again.text, text);
  EXPECT_EQ(again.cached_tokens, again.prompt_tokens - 1);
  EXPECT_EQ(again.counters.unanswered, 0) << again.llm_fault;
}

TEST_F(RemoteTexts, Sampled) {
  start();
  GenerationOptions sampled = options(0.9);
  sampled.sampling = {.temperature = 1.1, .top_k = 0, .top_p = 0.9, .min_p = 0, .seed = 7};
  expect_same(sampled);
  sampled.sampling = {.temperature = 0.9, .repeat_penalty = 1.2, .seed = 8};
  sampled.sampling.logit_bias = {{20, -INFINITY}, {30, 2.0F}};
  expect_same(sampled);
}

TEST_F(RemoteTexts, AnotherSeedDrawsOtherTokensBehindTheSamePrompt) {
  start();
  const auto client = client_of(server_->url());
  GenerationOptions drawn = options(1.0);
  drawn.max_tokens = 1;
  drawn.sampling = {.temperature = 3.0, .top_k = 0, .top_p = 1, .min_p = 0};
  for (drawn.sampling.seed = 1; drawn.sampling.seed < 6; ++drawn.sampling.seed) {
    EXPECT_EQ(texts(*client, drawn, 1), texts(*service_, drawn, 1));
  }
}

TEST_F(RemoteTexts, WithLogprobsAndUnderAGrammar) {
  start();
  GenerationOptions listed = options(0.9);
  listed.sampling.top_logprobs = 5;
  expect_same(listed);
  GenerationOptions bound = options(0.9);
  bound.sampling.grammar = R"(root ::= " " [A-Z] [a-z ]+ [0-9]+ "." )";
  expect_same(bound);
}

TEST_F(RemoteTexts, ByTheRouterAndAudited) {
  start();
  GenerationOptions routed = options(0.5);
  routed.policy = "citer";
  routed.threshold.reset();
  routed.audit = true;
  expect_same(routed);
}

TEST_F(RemoteTexts, WhatIsWrittenAheadSavesTrips) {
  start();
  const auto trips = [&](int ahead) {
    const auto client = client_service({.url = server_->url(), .ahead = ahead});
    EXPECT_EQ(texts(*client, options(1.0)), texts(*service_, options(1.0)));
    return client->status().llm_server->trips;
  };
  EXPECT_LT(trips(16), trips(0) / 2);
}

TEST_F(RemoteTexts, TheServersChatTemplateIsTheOneThatIsUsed) {
  pair_.chat.template_file = CITER_SOURCE_DIR "/tests/serve/tools.jinja";
  service_options_.context.context_size = 2048;
  start();
  const std::string at_server = service_->pair().chat_format().name();
  pair_.chat.template_file.clear();
  EXPECT_EQ(client_of(server_->url())->pair().chat_format().name(), at_server);
}

TEST_F(RemoteTexts, ItIsToldWhatTheServerIsAndWhatWasAskedOfIt) {
  start();
  const auto client = client_of(server_->url() + "/v1");
  EXPECT_EQ(client->llm_facts().description, service_->llm_facts().description);
  texts(*client, options(0.9));
  const LlmServerStatus status = *client->status().llm_server;
  EXPECT_EQ(status.kind, "citer");
  EXPECT_GT(status.trips, 6);
  EXPECT_GT(status.bytes_sent, 1000);
  EXPECT_GT(status.bytes_received, 1000);
  EXPECT_EQ(status.retries, 0);
  EXPECT_EQ(status.faults, 0);
}

}  // namespace
}  // namespace citer::test
