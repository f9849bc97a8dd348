// A real pair of different vocabularies: SmolLM2-135M with the real pair's LLM.
#include "real/real_pair.h"

namespace citer {
namespace {

using test::Arguments;
using test::json;
using testing::HasSubstr;

class RealByText : public test::RealPairTest {
 protected:
  void SetUp() override {
    RealPairTest::SetUp();
    if (!std::filesystem::exists(smollm())) {
      GTEST_SKIP() << "smollm2.gguf is not in " << models_ << " (./dev real fetches it)";
    }
  }

  std::string smollm() const { return (models_ / "smollm2.gguf").string(); }

  json ask(const Arguments& more) const {
    Arguments arguments = {"-m", llm(), "-md", smollm(), "-n", "24"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return generate({question("What is 17 + 25? Answer with the number alone.")}, arguments)
        .front();
  }
};

TEST_F(RealByText, WritesWithSense) {
  EXPECT_THAT(run_well({"inspect", smollm(), llm()}), HasSubstr("a pair by text"));
  const json alone = ask({"--policy", "llm"});
  EXPECT_EQ(alone.at("text"), "42");
  EXPECT_EQ(alone.at("finish_reason"), "stop");
  const json routed = ask({"--policy", "maxprob", "--threshold", "0.9"});
  EXPECT_THAT(routed.at("text"), HasSubstr("42"));
  EXPECT_GT(routed.at("llm_own_tokens"), 0);
}

}  // namespace
}  // namespace citer
