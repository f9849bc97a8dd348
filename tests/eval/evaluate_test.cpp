// The library's evaluation, on the bundled pair.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "citer/evaluation.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

using testing::HasSubstr;

/// The LLM writes every second token.
class EverySecond : public RoutingPolicy {
 public:
  explicit EverySecond(std::string name) : name_(std::move(name)) {}
  const std::string& name() const override { return name_; }
  PolicyNeeds needs() const override { return {}; }
  double default_threshold() const override { return 0.5; }
  void score(std::span<const PolicyInput> inputs, std::span<double> scores) const override {
    std::transform(inputs.begin(), inputs.end(), scores.begin(),
                   [](const PolicyInput& input) { return input.position % 2 == 0 ? 0.0F : 1.0F; });
  }

 private:
  std::string name_;
};

class Evaluate : public testing::Test {
 protected:
  static std::string bundled(const std::string& file) {
    return CITER_SOURCE_DIR "/models/demo/" + file;
  }
  static std::shared_ptr<Pair> bundled_pair() {
    return std::make_shared<Pair>(
        PairOptions{.slm = {.path = bundled("slm.gguf"), .devices = "none"},
                    .llm = {.path = bundled("llm.gguf"), .devices = "none"}});
  }
  EvalOptions options() const {
    EvalOptions o;
    o.data = {bundled("data/mc.valid.jsonl")};
    o.dataset.limit = 8;
    o.policies = {"slm"};
    o.own_policies = {std::make_shared<EverySecond>("every second")};
    o.thresholds = {0.5};
    o.generation.max_tokens = 64;
    o.out = folder_ / "out";
    return o;
  }

  test::TempDir folder_;
  Service service_{bundled_pair(), {.context = {.sequences = 8}, .by_times = false}};
};

TEST_F(Evaluate, APolicyOfOnesOwnIsEvaluatedUnderItsName) {
  const auto summary = evaluate(service_, options());
  ASSERT_TRUE(summary);
  const RunSummary* own = find_run(*summary, "mc.valid", "every second");
  ASSERT_NE(own, nullptr);
  EXPECT_NEAR(own->llm_share.value, 0.5, 0.05);
  const RunSummary* slm = find_run(*summary, "mc.valid", "slm");
  ASSERT_NE(slm, nullptr);
  EXPECT_EQ(slm->counters.llm_tokens, 0);
  for (const char* file : {"records.jsonl", "run.json", "summary.json", "report.html"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / "out" / file)) << file;
  }
  EXPECT_EQ(summary_table(load_summary(folder_ / "out")), summary_table(*summary));
}

TEST_F(Evaluate, TwoPoliciesOfOneNameAreRefused) {
  EvalOptions o = options();
  o.own_policies.push_back(std::make_shared<EverySecond>("slm"));
  EXPECT_THAT(test::error_text<UsageError>([&] { evaluate(service_, o); }),
              HasSubstr("two policies are called 'slm'"));
  o.out.clear();
  EXPECT_THAT(test::error_text<UsageError>([&] { evaluate(service_, o); }), HasSubstr("out: name"));
}

TEST_F(Evaluate, AWatcherFollowsAndEndsIt) {
  std::vector<ProgressReport> reports;
  Watcher watcher{.on_progress = [&](const ProgressReport& r) { reports.push_back(r); },
                  .should_stop = [&] { return reports.size() > 1; }};
  EXPECT_FALSE(evaluate(service_, options(), watcher)) << "after the first of two policies";
  watcher.should_stop = nullptr;
  ASSERT_TRUE(evaluate(service_, options(), watcher));
  std::vector<std::int64_t> done;
  for (const ProgressReport& report : reports) done.push_back(report.done);
  EXPECT_THAT(done, testing::ElementsAre(0, 8, 8, 16)) << "what was done is not done again";
  EXPECT_EQ(reports.back().total, 16);
  EXPECT_EQ(reports.back().unit, "examples");
}

}  // namespace
}  // namespace citer
