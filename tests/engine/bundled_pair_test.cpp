// The bundled LLM through the service, with the options users have, against plain libllama.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "citer/service.h"
#include "support/compare.h"
#include "support/llama_runner.h"

namespace citer {
namespace {

constexpr double kTie = 0.05;  // logits closer than this may come out in either order

class BundledPair : public testing::Test {
 protected:
  std::string folder_ = CITER_SOURCE_DIR "/models/demo/";
  std::string llm_ = folder_ + "llm.gguf";
  std::vector<Prompt> prompts_ = {
      {"math",
       "Question: Mia has 34 stickers. She buys 6 packs with 12 stickers each. How many "
       "stickers does Mia have now?\nSolution:"},
      {"mc",
       "Question: What sound does the zan-wog make?\nChoices:\n(A) buzz\n(B) squeak\n"
       "(C) hiss\n(D) whistle\n(E) hum\nAnswer:"}};
};

TEST_F(BundledPair, LlmPolicyIsTheLlmsGreedyText) {
  PairOptions pair;
  pair.slm.path = folder_ + "slm.gguf";
  pair.llm.path = llm_;
  ServiceOptions options;
  options.context.sequences = 2;
  Service service(std::make_shared<Pair>(pair), options);
  test::LlamaRunner reference(llm_);
  GenerationOptions generation;
  generation.policy = "llm";
  service.generate(prompts_, generation, {.on_answer = [&](std::size_t index, Answer answer) {
                     std::vector<Token> tokens = reference.tokenize(prompts_[index].text);
                     const int n = static_cast<int>(answer.tokens.size());
                     ASSERT_GT(n, 5);
                     EXPECT_EQ(answer.finish, FinishReason::kEndOfGeneration);
                     const std::vector<Token> expected = reference.greedy(tokens, n);
                     for (int i = 0; i < n; ++i) {
                       const Token found = answer.tokens[static_cast<std::size_t>(i)].id;
                       if (found == expected[static_cast<std::size_t>(i)]) {
                         tokens.push_back(found);
                         continue;
                       }
                       EXPECT_LT(test::top_two_gap(reference.logits(tokens).back()), kTie)
                           << "at token " << i;
                       break;
                     }
                   }});
}

TEST_F(BundledPair, TheModelThatReadsThePromptFirstWritesFirst) {
  PairOptions pair;
  pair.slm.path = folder_ + "slm.gguf";
  pair.llm.path = llm_;
  Service service(std::make_shared<Pair>(pair), {});
  const auto first_writer = [&](std::optional<Writer> first, double threshold) {
    GenerationOptions generation{.policy = "random:0.001", .threshold = threshold, .max_tokens = 4};
    generation.first = first;
    std::optional<Writer> writer;
    service.generate(prompts_, generation,
                     {.on_answer = [&](std::size_t index, const Answer& answer) {
                       if (index == 0) writer = answer.tokens.front().writer;
                     }});
    return writer;
  };
  EXPECT_EQ(first_writer({}, 0.001), Writer::kSlm) << "this LLM is 21 times as large";
  EXPECT_EQ(first_writer(Writer::kLlm, 0.001), Writer::kLlm);
  EXPECT_EQ(first_writer(Writer::kLlm, 0.0), Writer::kSlm) << "the SLM alone";
}

}  // namespace
}  // namespace citer
