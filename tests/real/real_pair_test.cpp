// A real pair (`./dev real` says which), asked as users ask: the program writes sense with it, and
// what holds for the bundled pair holds for it.
#include <algorithm>

#include "hub_server/hub_server.h"
#include "real/real_pair.h"
#include "support/compare.h"
#include "support/llama_runner.h"

namespace citer {
namespace {

using test::Arguments;
using test::json;
using test::RealPairTest;
using testing::HasSubstr;

constexpr double kThreshold = 0.6;

class RealPair : public RealPairTest {
 protected:
  /// Each token of the answer to a plain prompt, as --trace writes it.
  std::vector<json> trace(const std::string& prompt, const std::string& speculate) const {
    generate({{{"prompt", prompt}}},
             {"--policy", "maxprob", "--threshold", std::to_string(kThreshold), "--speculate",
              speculate, "-n", "20", "--raw", "--trace", path("trace")});
    return json_lines(read("trace"));
  }

  std::string text(const Arguments& arguments) const {
    Arguments all = {"-n", "12"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return generate({question("Name three colours of the rainbow.")}, all).front().at("text");
  }
};

TEST_F(RealPair, IsAPair) {
  const std::string facts = run_well({"inspect", slm(), llm()});
  EXPECT_THAT(facts, HasSubstr("Qwen2.5 Coder 0.5B Instruct"));
  EXPECT_THAT(facts, HasSubstr("Qwen2.5 Coder 1.5B Instruct"));
  EXPECT_THAT(facts, HasSubstr("a pair: same vocabulary"));
}

TEST_F(RealPair, AnswersWithSense) {
  const std::string sum = "What is 17 + 25? Answer with the number alone.";
  const std::vector<json> answers =
      generate({question(sum),
                {{"id", "text"}, {"prompt", sum}},
                question("Complete this Python function. Answer with its last line alone.\n"
                         "def add(a, b):\n    \"\"\"The sum of both.\"\"\"\n")},
               {"--policy", "maxprob", "--threshold", std::to_string(kThreshold), "-n", "40"});
  EXPECT_THAT(answers[0].at("text"), HasSubstr("42"));
  EXPECT_EQ(answers[0].at("finish_reason"), "stop");
  EXPECT_EQ(answers[1].at("text"), answers[0].at("text")) << "a text is what the user says";
  EXPECT_THAT(answers[2].at("text"), HasSubstr("return a + b"));
}

TEST_F(RealPair, OneCommandFromAnEmptyCacheToAnAnswer) {
  test::HubServer hub;
  hub.add_file("coder/1.5B-GGUF", "coder-1.5b-q4_k_m.gguf", llm());
  hub.add_file("coder/0.5B-GGUF", "coder-0.5b-q4_k_m.gguf", slm());
  const Arguments asking = {"generate", "-p", "def add(a, b):", "-n", "8", "--policy", "maxprob"};
  const auto answer = [&](Arguments pair) {
    pair.insert(pair.begin(), asking.begin(), asking.end());
    const test::ProcessResult result = test::run_process(
        CITER_PROGRAM, pair,
        {.environment = {{"HF_ENDPOINT", hub.endpoint()}, {"LLAMA_CACHE", path("cache")}}});
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  };
  EXPECT_EQ(answer({"-hf", "coder/1.5B-GGUF", "-hfd", "coder/0.5B-GGUF"}),
            answer({"-m", llm(), "-md", slm()}));
}

TEST_F(RealPair, ThresholdGoesFromOneModelToTheOther) {
  const std::string of_slm = text({"--policy", "slm"});
  const std::string of_llm = text({"--policy", "llm"});
  EXPECT_NE(of_slm, of_llm);
  EXPECT_EQ(text({"--policy", "maxprob", "--threshold", "0"}), of_slm);
  EXPECT_EQ(text({"--policy", "maxprob", "--threshold", "1", "--speculate", "off"}), of_llm);
}

// Several tokens in one pass round otherwise than one by one. Texts may part where that decides:
// where the LLM's two best logits lead by no more than both of them may be off, or where the score
// is as close to the threshold (a probability p moves by p (1 - p) <= 1/4 of a logit's lead). Where
// the SLM writes, its best token has a probability beyond the threshold, far from a tie.
TEST_F(RealPair, SpeculationWritesTheSameText) {
  for (const std::string prompt :
       {"def is_prime(n):\n", "# Reads a CSV file and returns its rows\ndef read_rows(path):\n",
        "The three laws of motion are"}) {
    SCOPED_TRACE(prompt);
    const std::vector<json> plain = trace(prompt, "off");
    const std::vector<json> drafted = trace(prompt, "4");
    const std::size_t length = std::min(plain.size(), drafted.size());
    std::size_t same = 0;
    while (same < length && plain[same].at("id") == drafted[same].at("id")) ++same;
    if (same == length) {
      EXPECT_EQ(plain.size(), drafted.size());
      continue;
    }
    test::LlamaRunner reference(llm());
    std::vector<llama_token> tokens = reference.tokenize(prompt);
    for (std::size_t i = 0; i < same; ++i) tokens.push_back(plain[i].at("id"));
    const std::vector<float> logits = reference.logits(tokens).back();
    const double lead = 2 * test::max_difference(logits, reference.logits_one_by_one(tokens));
    const double score = plain[same].at("score");
    EXPECT_TRUE(test::top_two_gap(logits) <= lead || std::abs(score - kThreshold) <= lead / 4)
        << "token " << same << ": score " << score << ", the LLM's best leads by "
        << test::top_two_gap(logits) << ", roundings make " << lead;
  }
}

}  // namespace
}  // namespace citer
