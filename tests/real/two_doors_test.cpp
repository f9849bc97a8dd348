// The command line and the server are two doors to one engine: the same question gets the same
// answer.
#include "real/real_pair.h"
#include "serve/program.h"

namespace citer {
namespace {

using test::Arguments;
using test::json;
using test::RealPairTest;

struct Way {
  const char* name;
  const char* speculate;
  double temperature;
};

void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

class TwoDoors : public RealPairTest, public testing::WithParamInterface<Way> {
 protected:
  static constexpr int kTokens = 10;
  static constexpr int kSeed = 7;
  static std::vector<json> prompts() {
    std::vector<json> prompts;
    for (const char* content :
         {"What is 17 + 25? Answer with the number alone.",
          "Write a Python function that adds two numbers.", "Name the capital of France.",
          "Translate 'good morning' to German.", "Reverse a list in Python, in one line.",
          "Explain recursion in one sentence.", "Schreib einen Satz mit Grüßen: 世界 🦜!",
          "SQL: count the rows of the table users.", "Was ist <|im_end|> in \"ChatML\"?"}) {
      prompts.push_back(question(content));
    }
    prompts.push_back({{"messages",
                        {{{"role", "system"}, {"content", "Be brief."}},
                         {{"role", "user"}, {"content", "Hi"}},
                         {{"role", "assistant"}, {"content", "Hello!"}},
                         {{"role", "user"}, {"content", "List three prime numbers."}}}}});
    return prompts;
  }

  static Arguments routing() {
    return {"--policy", "maxprob", "--threshold", "0.6", "--speculate", GetParam().speculate};
  }
};

TEST_P(TwoDoors, GiveTheSameAnswer) {
  Arguments asking = routing();
  for (const std::string& word :
       {std::string("-n"), std::to_string(kTokens), std::string("--temp"),
        std::to_string(GetParam().temperature), std::string("--seed"), std::to_string(kSeed)}) {
    asking.push_back(word);
  }
  const std::vector<json> by_command = generate(prompts(), asking);

  Arguments serving = {"-m", llm(), "-md", slm(), "-td", "1", "-np", "1", "-c", "512"};
  const Arguments how = routing();
  serving.insert(serving.end(), how.begin(), how.end());
  test::ServeProgram server(serving);
  auto client = server.client();
  while (client.Get("/health")->status != 200) usleep(20'000);

  for (std::size_t i = 0; i < by_command.size(); ++i) {
    json request = prompts()[i];
    SCOPED_TRACE(request.dump());
    request["max_tokens"] = kTokens;
    request["temperature"] = GetParam().temperature;
    request["seed"] = kSeed;
    const auto result = client.Post("/v1/chat/completions", request.dump(), "application/json");
    ASSERT_TRUE(result);
    ASSERT_EQ(result->status, 200) << result->body;
    const json response = json::parse(result->body);
    const json& choice = response.at("choices").at(0);
    EXPECT_EQ(response.at("usage").at("prompt_tokens"), by_command[i].at("prompt_tokens"));
    EXPECT_EQ(choice.at("message").at("content"), by_command[i].at("text"));
    EXPECT_EQ(choice.at("finish_reason"), by_command[i].at("finish_reason"));
    EXPECT_EQ(response.at("usage").at("completion_tokens"), by_command[i].at("tokens"));
    for (const char* counter :
         {"slm_tokens", "llm_tokens", "slm_passes", "llm_passes", "slm_positions", "llm_positions",
          "accepted", "rejected", "dropped"}) {
      EXPECT_EQ(response.at("citer").at(counter), by_command[i].at(counter)) << counter;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Real, TwoDoors,
                         testing::Values(Way{"PlainGreedy", "off", 0},
                                         Way{"PlainSampled", "off", 0.8},
                                         Way{"SpeculativeGreedy", "4", 0},
                                         Way{"SpeculativeSampled", "4", 0.8}),
                         [](const auto& way) { return std::string(way.param.name); });

}  // namespace
}  // namespace citer
