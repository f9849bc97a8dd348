// Many threads submit, follow, stop, cancel and score while models fail and the service ends:
// nothing is lost, nobody waits for ever. Runs under TSan.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/rng.h"
#include "citer/service.h"
#include "decode/tiny_pair.h"
#include "engine/models.h"

namespace citer {
namespace {

using test::TinyPairFiles;
using namespace std::chrono_literals;

constexpr int kThreads = 16;

std::shared_ptr<const Pair> tiny_pair(const TinyPairFiles& files) {
  PairOptions options;
  options.slm = {.path = files.slm().string(), .devices = "none", .threads = 1};
  options.llm = {.path = files.llm().string(), .devices = "none", .threads = 1};
  return std::make_shared<Pair>(options);
}

Request random_request(Rng& rng) {
  const std::vector<std::string> policies = {"maxprob", "random:0.3", "llm", "slm", "speculative"};
  Request request;
  request.prompt.text = "the small bird " + std::to_string(rng.uniform(0, 50));
  request.options.policy = policies[static_cast<std::size_t>(rng.uniform(0, 4))];
  request.options.pending_tokens = static_cast<int>(rng.uniform(0, 3));
  request.options.max_tokens = static_cast<int>(rng.uniform(0, 12));
  request.options.ignore_eog = true;
  request.score_prompt = rng.uniform(0, 5) == 0;
  return request;
}

struct Tally {
  std::atomic<int> answered = 0;
  std::atomic<int> failed = 0;
  std::atomic<int> left = 0;     ///< cancelled by who submitted
  std::atomic<int> refused = 0;  ///< the queue was full, or the service ends
};

/// Follows answers to their last growth, or leaves.
void follow(std::unique_ptr<Answers> answers, std::size_t n, Rng& rng, Tally& tally) {
  const bool leaves = rng.uniform(0, 4) == 0;
  const bool stops = rng.uniform(0, 4) == 0;
  std::vector<bool> done(n);
  for (std::size_t left = n; left > 0;) {
    auto next = answers->wait(10s);
    ASSERT_TRUE(next) << "nobody waits for ever";
    const auto& [index, growth] = *next;
    ASSERT_FALSE(done[index]) << "nothing follows the last growth";
    if (!growth.is_last() && leaves) {
      tally.left += static_cast<int>(left);
      return;
    }
    if (stops) answers->stop();
    if (!growth.is_last()) continue;
    done[index] = true;
    --left;
    ++(growth.answer ? tally.answered : tally.failed);
  }
}

void work(Service& service, std::uint64_t seed, int rounds, Tally& tally,
          std::atomic<int>& submitted) {
  Rng rng(seed);
  for (int round = 0; round < rounds; ++round) {
    std::vector<Request> requests;
    for (std::int64_t n = rng.uniform(1, 3); n > 0; --n) requests.push_back(random_request(rng));
    const std::size_t n = requests.size();
    submitted += static_cast<int>(n);
    try {
      follow(service.submit(std::move(requests)), n, rng, tally);
    } catch (const Overloaded&) {
      tally.refused += static_cast<int>(n);
    }
    service.status();
    if (rng.uniform(0, 9) == 0) service.pair().tokenize({.text = "a bird"});
  }
}

void run_threads(Service& service, int rounds, Tally& tally, std::atomic<int>& submitted) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back(
        [&, i] { work(service, static_cast<std::uint64_t>(i), rounds, tally, submitted); });
  }
  for (std::thread& thread : threads) thread.join();
}

int sum(const Tally& tally) { return tally.answered + tally.failed + tally.left + tally.refused; }

class Stress : public testing::TestWithParam<std::string> {
 protected:
  ServiceOptions options() const {
    ServiceOptions options;
    options.context.context_size = 96;
    options.context.sequences = 3;
    options.overlap = GetParam();
    options.queue_limit = 24;
    return options;
  }
  TinyPairFiles files_;
  Tally tally_;
  std::atomic<int> submitted_ = 0;
};

TEST_P(Stress, NothingIsLost) {
  Service service(tiny_pair(files_), options());
  run_threads(service, 12, tally_, submitted_);
  EXPECT_EQ(sum(tally_), submitted_);
  EXPECT_GT(tally_.answered, 50);
  service.reset();  // waits until the last one that was left is gone
  EXPECT_EQ(service.status().active, 0);
  EXPECT_EQ(service.status().queued, 0);
}

TEST_P(Stress, FailingPassesFailTheirAnswersAlone) {
  Service service(tiny_pair(files_), options());
  auto slm = std::make_shared<Rng>(1);
  auto llm = std::make_shared<Rng>(2);
  service.with_models([&](Models& models) {
    models.slm.interrupt_when([slm] { return slm->uniform(0, 3000) == 0; });
    models.llm.interrupt_when([llm] { return llm->uniform(0, 3000) == 0; });
  });
  run_threads(service, 8, tally_, submitted_);
  EXPECT_EQ(sum(tally_), submitted_);
  EXPECT_GT(tally_.failed, 0);
  service.with_models([&](Models& models) {
    models.slm.interrupt_when(nullptr);
    models.llm.interrupt_when(nullptr);
  });
  Request request;
  request.prompt.text = "the small bird";
  request.options.max_tokens = 5;
  request.options.ignore_eog = true;
  EXPECT_EQ(service.write_all({request}).front().tokens.size(), 5U) << "the service goes on";
}

TEST_P(Stress, EndsWhileEverybodyIsAtWork) {
  auto service = std::make_unique<Service>(tiny_pair(files_), options());
  std::vector<std::unique_ptr<Answers>> all;
  for (int i = 0; i < 12; ++i) {
    Request request;
    request.prompt.text = "the small bird " + std::to_string(i);
    request.options.ignore_eog = true;
    all.push_back(service->submit({request}));
  }
  std::vector<std::thread> threads;
  for (auto& answers : all) {
    threads.emplace_back([&answers, this] {
      for (;;) {
        auto next = answers->wait(10s);
        ASSERT_TRUE(next) << "nobody waits for ever";
        if (!next->second.is_last()) continue;
        ++(next->second.answer ? tally_.answered : tally_.failed);
        return;
      }
    });
  }
  service.reset();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(tally_.answered + tally_.failed, 12);
}

INSTANTIATE_TEST_SUITE_P(Overlap, Stress, testing::Values("off", "on"));

}  // namespace
}  // namespace citer
