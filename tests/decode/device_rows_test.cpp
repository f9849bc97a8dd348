// Answers are the same wherever rows are read.
#include <gtest/gtest.h>

#include "decode/random_router.h"
#include "decode/tiny_pair.h"

namespace citer {
namespace {

class DeviceRowsDecode : public testing::TestWithParam<const char*> {
 protected:
  static constexpr int kLength = 16;

  /// All prompts answered together, by requests that differ in how they draw.
  std::vector<Sequence> answers(const std::string& row_reading) const {
    const int n = static_cast<int>(prompts_.size());
    test::TinyPair pair(files_, {.context_size = 128,
                                 .sequences = n,
                                 .flash_attention = "off",
                                 .row_reading = row_reading});
    EXPECT_EQ(pair.slm.reads_on_device(), row_reading == "device");
    for (int i = 0; i < n; ++i) pair.decoder.start(i, request(pair, i));
    const auto writes = [&](int i) { return !pair.decoder.at(i).finish; };
    for (int i = 0; i < n; ++i) {
      while (writes(i)) pair.decoder.step();
    }
    std::vector<Sequence> written;
    for (int i = 0; i < n; ++i) written.push_back(pair.decoder.release(i));
    return written;
  }

  DecodeRequest request(const test::TinyPair& pair, int i) const {
    const std::string policy = GetParam();
    DecodeRequest request =
        test::make_request(prompts_[static_cast<std::size_t>(i)], "slm", 0.5, kLength);
    request.policy = policy == "citer" ? test::random_learned_policy("citer", pair.slm.model())
                                       : make_policy(policy);
    request.sampling.top_logprobs = i % 2 == 0 ? -1 : 5;
    if (i % 3 > 0) request.sampling.temperature = 0.8;
    if (i % 3 == 1) request.sampling.top_k = 20;
    if (i == 5) request.sampling.repeat_penalty = 1.3;
    return request;
  }

  test::TinyPairFiles files_;
  std::vector<std::vector<Token>> prompts_ = test::random_prompts(6);
};

TEST_P(DeviceRowsDecode, TheSameTexts) {
  const std::vector<Sequence> expected = answers("host");
  const std::vector<Sequence> found = answers("device");
  for (std::size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE(testing::Message() << "answer " << i);
    EXPECT_EQ(found[i].tokens, expected[i].tokens);
    ASSERT_EQ(found[i].records.size(), expected[i].records.size());
    for (std::size_t t = 0; t < expected[i].records.size(); ++t) {
      EXPECT_EQ(found[i].records[t].writer, expected[i].records[t].writer);
      EXPECT_NEAR(found[i].records[t].score, expected[i].records[t].score, 1e-5);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, DeviceRowsDecode,
                         testing::Values("maxprob", "entropy", "margin", "llm", "citer"));

}  // namespace
}  // namespace citer
