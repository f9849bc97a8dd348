// Sequences decoded together give the texts they give alone.
#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "decode/random_router.h"
#include "decode/tiny_pair.h"
#include "support/compare.h"
#include "support/llama_runner.h"

namespace citer {
namespace {

using test::LlamaRunner;
using test::TinyPair;
using test::TinyPairFiles;

class Batching : public testing::Test {
 protected:
  /// Runs all requests through `slots` slots. `patience` says how many steps pass between two
  /// arrivals, so that sequences join and leave at different steps.
  std::vector<Sequence> run_together(std::vector<DecodeRequest> requests, int slots, int patience) {
    TinyPair pair(files_, {.context_size = 128, .sequences = slots, .batch_size = 24});
    Decoder& decoder = pair.decoder;
    std::map<std::size_t, Sequence> finished;
    std::map<int, std::size_t> working;  // by slot
    std::size_t next = 0;
    int idle = 0;  // steps without growth
    for (int step = 0; finished.size() < requests.size(); ++step) {
      if (next < requests.size() && (step % patience == 0 || working.empty())) {
        const std::optional<int> slot = decoder.claim_slot(requests[next].prompt);
        EXPECT_EQ(slot.has_value(), working.size() < static_cast<std::size_t>(slots));
        if (slot) {
          decoder.start(*slot, requests[next]);
          working[*slot] = next++;
        }
      }
      const std::vector<int> progressed = decoder.step();
      idle = progressed.empty() ? idle + 1 : 0;
      EXPECT_LT(idle, 2) << "some may wait for others to share a pass, not all";
      for (const int s : progressed) {
        if (!decoder.at(s).finish) continue;
        finished.emplace(working.at(s), decoder.release(s));
        working.erase(s);
      }
    }
    expect_totals(finished, decoder.totals());
    std::vector<Sequence> answers;
    for (auto& [index, sequence] : finished) answers.push_back(std::move(sequence));
    return answers;
  }

  static void expect_totals(const std::map<std::size_t, Sequence>& answers,
                            const Counters& totals) {
    Counters sum;
    for (const auto& [index, sequence] : answers) sum += sequence.counters;
    EXPECT_EQ(totals.slm_tokens, sum.slm_tokens);
    EXPECT_EQ(totals.llm_tokens, sum.llm_tokens);
    EXPECT_EQ(totals.slm_positions, sum.slm_positions);
    EXPECT_EQ(totals.llm_positions, sum.llm_positions);
    EXPECT_LE(totals.slm_passes, sum.slm_passes) << "a shared pass is counted once";
    EXPECT_LE(totals.llm_passes, sum.llm_passes);
    EXPECT_NEAR(totals.slm_seconds, sum.slm_seconds, 1e-6);
    EXPECT_NEAR(totals.llm_seconds, sum.llm_seconds, 1e-6);
  }

  /// Each answer is what its request gives alone, up to a tie of two tokens or of score and
  /// threshold.
  void expect_as_alone(const std::vector<DecodeRequest>& requests,
                       const std::vector<Sequence>& answers) {
    ASSERT_EQ(answers.size(), requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      SCOPED_TRACE("request " + std::to_string(i));
      TinyPair pair(files_, {.context_size = 128});
      const Sequence alone = test::run_alone(pair, requests[i]);
      expect_same_or_tie(alone, answers[i]);
      EXPECT_EQ(alone.finish, answers[i].finish);
    }
  }

  void expect_same_or_tie(const Sequence& a, const Sequence& b) {
    const auto [at, other] =
        std::mismatch(a.tokens.begin(), a.tokens.end(), b.tokens.begin(), b.tokens.end());
    if (at == a.tokens.end() && other == b.tokens.end()) {
      EXPECT_EQ(a.text.text(), b.text.text());
      return;
    }
    ASSERT_TRUE(at != a.tokens.end() && other != b.tokens.end());
    const auto index = static_cast<std::size_t>(at - a.tokens.begin()) - a.request.prompt.size();
    const TokenRecord& record = a.records.at(index);
    LlamaRunner writer(record.writer == Writer::kSlm ? files_.slm() : files_.llm());
    const bool close_score = std::abs(record.score - a.request.threshold) < 1e-3;
    EXPECT_TRUE(close_score ||
                test::top_two_gap(writer.logits({a.tokens.begin(), at}).back()) < 1e-3)
        << "texts part at token " << index << " without a tie";
  }

  TinyPairFiles files_;
};

std::vector<DecodeRequest> mixed_lengths(int n, const std::string& policy, double threshold) {
  std::vector<DecodeRequest> requests;
  int length = 5;
  for (std::vector<Token>& prompt : test::random_prompts(n)) {
    requests.push_back(test::make_request(std::move(prompt), policy, threshold, length));
    length = 5 + (length * 7 + 3) % 40;
  }
  return requests;
}

TEST_F(Batching, GreedyAnswersAreTheSameTogetherAndAlone) {
  for (const auto& [policy, threshold] : {std::pair{"maxprob", 0.6},
                                          {"random:0.4", 0.4},
                                          {"llm", 1.0},
                                          {"oracle", 0.5},
                                          {"divergence", 0.1},
                                          {"ratio", 0.1}}) {
    SCOPED_TRACE(policy);
    const std::vector<DecodeRequest> requests = mixed_lengths(9, policy, threshold);
    expect_as_alone(requests, run_together(requests, 4, 1));
  }
}

TEST_F(Batching, SequencesJoinAndLeaveAtAnyStep) {
  const std::vector<DecodeRequest> requests = mixed_lengths(8, "margin", 0.5);
  for (const int patience : {2, 7}) expect_as_alone(requests, run_together(requests, 3, patience));
}

TEST_F(Batching, SampledAnswersAreTheSameTogetherAndAlone) {
  std::vector<DecodeRequest> requests = mixed_lengths(8, "maxprob", 0.6);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].sampling.temperature = 0.7 + 0.1 * static_cast<double>(i);
    requests[i].sampling.seed = i % 3;
    if (i % 2 == 1) requests[i].sampling.repeat_penalty = 1.2;
  }
  expect_as_alone(requests, run_together(requests, 4, 1));
}

TEST_F(Batching, RequestsOfDifferentPoliciesShareABatch) {
  std::vector<DecodeRequest> requests;
  const std::vector<std::pair<std::string, double>> kinds = {{"oracle", 0.5}, {"llm", 1.0},
                                                             {"slm", 0.0},    {"maxprob", 0.6},
                                                             {"llm", 0.0},    {"entropy", 0.8}};
  auto prompts = test::random_prompts(static_cast<int>(kinds.size()));
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    requests.push_back(test::make_request(prompts[i], kinds[i].first, kinds[i].second, 25));
  }
  expect_as_alone(requests, run_together(requests, 6, 1));
}

TEST_F(Batching, LearnedPoliciesShareABatchWithOthers) {
  const std::shared_ptr<Model> slm = test::load_exact(files_.slm());
  const auto citer = test::random_learned_policy("citer", *slm);
  const auto query = test::random_learned_policy("query", *slm, 2);
  std::vector<DecodeRequest> same = mixed_lengths(9, "slm", 0.5);
  for (DecodeRequest& request : same) request.policy = citer;
  expect_as_alone(same, run_together(same, 4, 1));

  std::vector<DecodeRequest> mixed = mixed_lengths(12, "maxprob", 0.5);
  for (std::size_t i = 0; i < mixed.size(); i += 3) mixed[i].policy = query;
  for (std::size_t i = 1; i < mixed.size(); i += 3) mixed[i].policy = citer;
  for (const int patience : {1, 3}) expect_as_alone(mixed, run_together(mixed, 5, patience));
}

TEST_F(Batching, PassesAreShared) {
  const std::vector<DecodeRequest> requests = mixed_lengths(1, "llm", 1.0);
  TinyPair pair(files_, {.context_size = 128, .sequences = 4});
  for (int slot = 0; slot < 4; ++slot) {
    DecodeRequest request = requests.front();
    request.max_tokens = 10;
    request.prompt.push_back(10 + slot);
    pair.decoder.start(slot, request);
  }
  for (int step = 0; step < 20; ++step) pair.decoder.step();  // 10 times drafted and verified
  EXPECT_EQ(pair.decoder.totals().llm_passes, 10);
  EXPECT_EQ(pair.decoder.totals().llm_tokens, 40);
  EXPECT_TRUE(pair.decoder.step().empty()) << "all are finished";
}

}  // namespace
}  // namespace citer
