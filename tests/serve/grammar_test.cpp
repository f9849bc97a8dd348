// Grammars that are made to hurt: their requests fail, or work, in bounded time; nobody else
// notices, and the server ends when it is told to.
#include <chrono>
#include <thread>

#include "serve/program.h"

namespace citer {
namespace {

using test::error_of;
using test::kQuestion;
using testing::HasSubstr;

constexpr auto kJson = "application/json";

Json with_grammar(const std::string& grammar) {
  return {{"prompt", "x"}, {"max_tokens", 30}, {"grammar", grammar}};
}

class ServeGrammar : public testing::Test {
 protected:
  httplib::Result post(const Json& body) const {
    return server_.client().Post("/v1/completions", body.dump(), kJson);
  }
  void expect_refused(const std::string& grammar, const std::string& why) const {
    const Json error = error_of(post(with_grammar(grammar)), 400);
    EXPECT_EQ(error["param"], "grammar");
    EXPECT_THAT(error["message"].get<std::string>(), HasSubstr(why));
  }
  ~ServeGrammar() override { EXPECT_EQ(server_.stop(SIGTERM), 0); }

  test::ServeProgram server_{std::vector<std::string>{"-np", "4"}};
};

TEST_F(ServeGrammar, WhatBreaksABoundIsRefused) {
  expect_refused("root ::= " + std::string(20'000, '(') + "\"a\"" + std::string(20'000, ')'),
                 "parentheses within each other");
  expect_refused("root ::= \"a\"{5,2}", "{5,2}");
  expect_refused("root ::= ((\"a\"{9999}){9999}){9999}", "symbols");
  expect_refused("root ::= (", "1:11");
  expect_refused("root ::= <think>", "references to tokens");
}

TEST_F(ServeGrammar, AnAmbiguousGrammarHoldsUpNobody) {
  const std::string ambiguous =
      "root ::= a a a a a a a a a a a a\na ::= b b b b b b b b b b\nb ::= c c c c c c c c c c\n"
      "c ::= [a-z]? [a-z]? [a-z]? [a-z]? [a-z]? [a-z]? [a-z]?";
  const Json plain = {{"prompt", kQuestion}, {"max_tokens", 20}, {"temperature", 0}};
  const std::string expected = post(plain)->body;
  std::vector<std::thread> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back([&] {
      const auto result = post(with_grammar(ambiguous));
      ASSERT_TRUE(result);
      EXPECT_THAT(result->body, testing::AnyOf(HasSubstr("choices"), HasSubstr("ambiguous")));
    });
  }
  const auto text = [](const std::string& body) { return Json::parse(body)["choices"][0]["text"]; };
  for (int i = 0; i < 5; ++i) {
    const auto result = post(plain);
    ASSERT_TRUE(result);
    EXPECT_EQ(text(result->body), text(expected));
  }
  for (std::thread& client : clients) client.join();
}

TEST_F(ServeGrammar, AGrammarIsKeptTo) {
  const auto text = [&](const std::string& grammar) {
    return Json::parse(post(with_grammar(grammar))->body)["choices"][0]["text"];
  };
  EXPECT_EQ(text("root ::= \"a\"{5}"), "aaaaa");
  EXPECT_EQ(text("root ::= root \"b\" | \"→b\"").get<std::string>().substr(0, 4), "→b");
}

}  // namespace
}  // namespace citer
