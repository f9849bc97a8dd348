// `POST /v1/citer/decide`: the LLM decides for clients that have the SLM.
#include <set>
#include <thread>

#include <fmt/format.h>

#include "base/token_hash.h"
#include "model/fingerprint.h"
#include "model/vocab.h"
#include "serve/server.h"

namespace citer::test {
namespace {

std::string digest(const std::vector<Token>& tokens) {
  return fingerprint_text(hash_tokens(tokens));
}

class DecideTest : public ServerTest {
 protected:
  DecideTest() { service_options_.sessions = 4; }

  std::vector<Token> question() const {
    return service_->pair().tokenize({.text = kQuestion, .raw = true});
  }

  /// A session's step that asks for the token behind all of these.
  static Json step(const std::string& session, std::size_t keep, const std::vector<Token>& all) {
    const std::vector<Token> append(all.begin() + static_cast<std::ptrdiff_t>(keep), all.end());
    return {{"session", session},
            {"keep", keep},
            {"append", append},
            {"digest", digest(all)},
            {"positions", {all.size()}},
            {"sampling", {{"temperature", 0}, {"seed", "0"}, {"stream", "0"}}}};
  }

  Json decide(const std::vector<Json>& steps) const {
    return answer("/v1/citer/decide", {{"protocol", 1}, {"sessions", steps}})["sessions"];
  }

  /// What the LLM alone writes.
  std::vector<Token> by_llm(int tokens) const {
    const Json reply = answer("/v1/completions", {{"prompt", question()},
                                                  {"max_tokens", tokens},
                                                  {"temperature", 0},
                                                  {"model", "llm"},
                                                  {"logprobs", 1}});
    std::vector<Token> written;
    for (const std::string piece : reply["choices"][0]["logprobs"]["tokens"]) {
      const auto tokens_of = service_->pair().vocab().continuation(piece);
      written.insert(written.end(), tokens_of.begin(), tokens_of.end());
    }
    return written;
  }
};

TEST_F(DecideTest, TokenByTokenItIsTheLlmsText) {
  start();
  const std::vector<Token> wanted = by_llm(12);
  std::vector<Token> all = question();
  const std::size_t prompt = all.size();
  std::size_t keep = 0;
  while (all.size() < prompt + wanted.size()) {
    const Json session = decide({step("a", keep, all)})[0];
    ASSERT_TRUE(session.contains("decisions")) << session;
    keep = all.size();
    all.push_back(session["decisions"][0]["token"]);
  }
  EXPECT_EQ(std::vector<Token>(all.begin() + static_cast<std::ptrdiff_t>(prompt), all.end()),
            wanted);
}

TEST_F(DecideTest, AheadItWritesOnAndSeveralPositionsTakeOneTrip) {
  start();
  std::vector<Token> all = question();
  Json first = step("a", 0, all);
  first["ahead"] = 7;
  const Json decisions = decide({first})[0]["decisions"];
  ASSERT_EQ(decisions.size(), 8U);
  const std::size_t prompt = all.size();
  for (const Json& decision : decisions) all.push_back(decision["token"]);
  // Another session, which is given the text, is asked for all of it at once.
  all.pop_back();
  Json second = step("b", 0, all);
  second["positions"] = Json::array();
  for (std::size_t p = prompt; p <= all.size(); ++p) second["positions"].push_back(p);
  const Json again = decide({second})[0]["decisions"];
  ASSERT_EQ(again.size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(again[i]["token"], decisions[i]["token"]);
  EXPECT_EQ(metric("citer_decide_decisions_total"), 16);
}

TEST_F(DecideTest, WhatTheSessionDoesNotHoldHasToBeSent) {
  start();
  std::vector<Token> all = question();
  EXPECT_EQ(decide({step("a", 3, all)})[0]["error"]["code"], "session_gone");
  ASSERT_TRUE(decide({step("a", 0, all)})[0].contains("decisions"));
  Json other = step("a", all.size() - 1, all);
  other["digest"] = digest({1, 2, 3});
  EXPECT_EQ(decide({other})[0]["error"]["code"], "session_differs");
  // It was dropped with that.
  EXPECT_EQ(decide({step("a", 3, all)})[0]["error"]["code"], "session_gone");
  EXPECT_TRUE(decide({step("a", 0, all)})[0].contains("decisions"));
}

TEST_F(DecideTest, TheOneThatIsIdleLongestMakesRoom) {
  start();
  const std::vector<Token> all = question();
  for (const char* session : {"a", "b", "c", "d", "b", "e"}) {
    ASSERT_TRUE(decide({step(session, 0, all)})[0].contains("decisions"));
  }
  EXPECT_EQ(decide({step("a", 1, all)})[0]["error"]["code"], "session_gone");
  EXPECT_TRUE(decide({step("b", 1, all)})[0].contains("decisions"));
  EXPECT_EQ(metric("citer_decide_sessions"), 4);
  EXPECT_EQ(metric("citer_decide_sessions_evicted_total"), 1);
}

TEST_F(DecideTest, ManyClientsAtOnceAndAnswersBesideThem) {
  start();
  const std::vector<Token> wanted = by_llm(6);
  const Json completion = {{"prompt", kQuestion}, {"max_tokens", 24}, {"temperature", 0}};
  const std::string text = text_of(completion);
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&, c] {
      std::vector<Token> all = question();
      for (const Token token : wanted) {
        // More clients than sessions: each sends all.
        const Json session = decide({step(fmt::format("client {}", c), 0, all)})[0];
        EXPECT_EQ(session["decisions"][0]["token"], token) << session;
        all.push_back(token);
      }
    });
  }
  EXPECT_EQ(text_of(completion), text);
  for (std::thread& client : clients) client.join();
  EXPECT_LE(metric("citer_decide_passes_total"), 48);
}

TEST_F(DecideTest, DrawsHaveTheAddressOfTheClients) {
  start();
  const std::vector<Token> all = question();
  const auto draw = [&](const std::string& session, const char* seed) {
    Json asked = step(session, 0, all);
    asked["sampling"] = {{"temperature", 3}, {"top_k", 0},   {"top_p", 1},
                         {"min_p", 0},       {"seed", seed}, {"stream", "abc"}};
    return decide({asked})[0]["decisions"][0]["token"].get<Token>();
  };
  EXPECT_EQ(draw("a", "5"), draw("b", "5"));
  std::set<Token> drawn;
  for (const char* seed : {"1", "2", "3", "4", "5", "6"}) drawn.insert(draw("a", seed));
  EXPECT_GT(drawn.size(), 1U);
}

TEST_F(DecideTest, WrongFieldsAreNamed) {
  start();
  const std::vector<Token> all = question();
  const auto error = [&](const std::vector<Json>& sessions, int protocol = 1) {
    return error_of(post("/v1/citer/decide", {{"protocol", protocol}, {"sessions", sessions}}),
                    400)["param"];
  };
  EXPECT_EQ(error({step("a", 0, all)}, 2), "protocol");
  EXPECT_EQ(error({}), "sessions");
  Json wrong = step("a", 0, all);
  wrong["positions"] = {all.size() + 1};
  EXPECT_EQ(error({wrong}), "sessions[0].positions[0]");
  wrong = step("a", 0, all);
  wrong["append"][0] = 1 << 30;
  EXPECT_EQ(error({wrong}), "sessions[0].append");
  wrong = step("a", 0, all);
  wrong["digest"] = "no";
  EXPECT_EQ(error({wrong}), "sessions[0].digest");
  wrong = step("a", 0, all);
  wrong["sampling"]["grammar"] = "root ::= [a]";
  EXPECT_EQ(error({wrong}), "sessions[0].sampling.grammar");
  EXPECT_EQ(error({step("a", 0, all), step("a", 0, all)}), "sessions[1]");
}

TEST_F(DecideTest, WithoutSessionsTheServerSaysSo) {
  service_options_.sessions = 0;
  start();
  EXPECT_EQ(error_of(post("/v1/citer/decide", {{"protocol", 1}}), 501)["code"], "no_sessions");
  EXPECT_EQ(error_of(client().Get("/v1/citer/llm"), 501)["code"], "no_sessions");
}

}  // namespace
}  // namespace citer::test
