// Random walks over plans: whatever joins, leaves and fails, invariants hold after each step, no
// answer is lost, and what is written is what would have been written alone.
#include <gtest/gtest.h>

#include <map>
#include <ostream>

#include "base/rng.h"
#include "decode/tiny_pair.h"

namespace citer {
namespace {

using test::TinyPair;
using test::TinyPairFiles;

struct Walk {
  std::uint64_t seed = 0;
  bool overlap = false;
  bool by_times = false;
  bool faults = false;
  const char* architecture = nullptr;  ///< llama's if none is named
};

void PrintTo(const Walk& how, std::ostream* out) {
  *out << (how.architecture == nullptr ? "llama" : how.architecture);
  if (how.overlap) *out << ", overlapping";
  if (how.by_times) *out << ", by times";
  if (how.faults) *out << ", with faults";
}

TinyPairFiles files_of(const Walk& how) {
  return how.architecture == nullptr ? TinyPairFiles() : TinyPairFiles(how.architecture);
}

DecodeRequest random_request(Rng& rng) {
  const std::vector<std::string> policies = {"maxprob", "random:0.4", "speculative",
                                             "llm",     "slm",        "oracle"};
  const std::string& policy = policies[static_cast<std::size_t>(rng.uniform(0, 5))];
  DecodeRequest request = test::make_request(
      test::random_prompts(1, static_cast<std::uint64_t>(rng.uniform(0, 5))).front(), policy, 0.5,
      static_cast<int>(rng.uniform(0, 24)));
  if (policy == "slm" || policy == "llm" || policy == "speculative") {
    request.threshold = request.policy->default_threshold();
  }
  request.pending_limit = static_cast<int>(rng.uniform(0, 4));
  request.audit = rng.uniform(0, 3) == 0;
  request.score_prompt = rng.uniform(0, 5) == 0;
  request.ignore_eog = rng.uniform(0, 1) == 0;
  if (rng.uniform(0, 1) == 0) {
    request.sampling.temperature = 1.2;
    request.sampling.seed = static_cast<std::uint64_t>(rng.uniform(0, 99));
  }
  return request;
}

/// Lets a pass fail now and then. Asked on the thread that makes the pass.
class Faults {
 public:
  Faults(TinyPair& pair, bool on, std::uint64_t seed) : slm_(seed), llm_(seed + 1) {
    if (!on) return;
    pair.slm.interrupt_when([this] { return slm_.uniform(0, 2500) == 0; });
    pair.llm.interrupt_when([this] { return llm_.uniform(0, 2500) == 0; });
  }

 private:
  Rng slm_;
  Rng llm_;
};

std::vector<Token> written_alone(const TinyPairFiles& files, const DecodeRequest& request) {
  TinyPair pair(files, {.context_size = 128});
  DecodeRequest plain = request;
  plain.pending_limit = 1;
  return test::written_tokens(test::run_alone(pair, plain));
}

struct Outcome {
  int answered = 0;
  int failed = 0;
};

void expect_right(const TinyPairFiles& files, const Sequence& done, Outcome& outcome) {
  EXPECT_EQ(done.counters.tokens(), static_cast<std::int64_t>(done.records.size()));
  const std::vector<Token> expected = written_alone(files, done.request);
  const std::vector<Token> written = test::written_tokens(done);
  if (done.finish == FinishReason::kError) {
    ++outcome.failed;
    EXPECT_FALSE(done.error.empty());
    ASSERT_LE(written.size(), expected.size());
    EXPECT_TRUE(std::equal(written.begin(), written.end(), expected.begin()))
        << "a beginning of it";
    return;
  }
  ++outcome.answered;
  EXPECT_EQ(written, expected);
}

Outcome walk(const TinyPairFiles& files, const Walk& how) {
  SCOPED_TRACE("seed " + std::to_string(how.seed));
  Rng rng(how.seed);
  TinyPair pair(files, {.context_size = 128, .sequences = 3, .batch_size = 32}, how.overlap);
  if (how.by_times) pair.decoder.schedule_by_times();
  const Faults faults(pair, how.faults, how.seed);
  std::map<int, int> running;  // steps by slot
  Outcome outcome;
  for (int step = 0, begun = 0; begun < 12 || !running.empty(); ++step) {
    EXPECT_LT(step, 20'000) << "somebody waits for ever";
    if (step >= 20'000) return outcome;
    while (begun < 12 && rng.uniform(0, 3) != 0) {
      DecodeRequest request = random_request(rng);
      const std::optional<int> slot = pair.decoder.claim_slot(request.prompt);
      if (!slot) break;
      pair.decoder.start(*slot, std::move(request));
      running[*slot] = 0;
      ++begun;
    }
    const std::vector<int> grown = pair.decoder.step();
    EXPECT_EQ(check_invariants(pair.decoder.snapshot()), "");
    for (const int slot : grown) {
      if (!pair.decoder.at(slot).finish) continue;
      expect_right(files, pair.decoder.release(slot), outcome);
      running.erase(slot);
    }
    if (!running.empty() && rng.uniform(0, 40) == 0) {  // somebody gives up
      pair.decoder.release(running.begin()->first);
      running.erase(running.begin());
    }
  }
  return outcome;
}

class Walks : public testing::TestWithParam<Walk> {
 protected:
  TinyPairFiles files_ = files_of(GetParam());
};

TEST_P(Walks, KeepInvariantsAndLoseNothing) {
  Outcome sum;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Walk how = GetParam();
    how.seed = seed;
    const Outcome outcome = walk(files_, how);
    sum.answered += outcome.answered;
    sum.failed += outcome.failed;
  }
  EXPECT_GT(sum.answered, 20);
  EXPECT_EQ(sum.failed > 0, GetParam().faults);
}

INSTANTIATE_TEST_SUITE_P(Plans, Walks,
                         testing::Values(Walk{}, Walk{.by_times = true}, Walk{.overlap = true},
                                         Walk{.faults = true},
                                         Walk{.by_times = true, .faults = true},
                                         Walk{.overlap = true, .by_times = true, .faults = true}));
INSTANTIATE_TEST_SUITE_P(
    Architectures, Walks,
    testing::Values(Walk{.architecture = "mamba"},
                    Walk{.overlap = true, .by_times = true, .architecture = "qwen35"},
                    Walk{.by_times = true, .faults = true, .architecture = "lfm2"},
                    Walk{.overlap = true, .faults = true, .architecture = "gemma2"}));

}  // namespace
}  // namespace citer
