// Training and its rounds with the bundled pair.
#include "learn/rounds.h"

#include "citer/error.h"
#include "learn/calibrate.h"
#include "learn/collect_fixture.h"
#include "learn/train.h"

namespace citer {
namespace {

using test::error_text;
using testing::HasSubstr;

TEST_F(Collect, RoundsTrainCalibrateAndResume) {
  LearnOptions o;
  o.rounds = 2;
  o.folder = folder_ / "rounds";
  o.collect = options(60);
  o.train.epochs = 3;
  o.train.folds = 4;
  o.calibrate.data = {bundled("data/mc.valid.jsonl")};
  o.calibrate.dataset.limit = 16;
  o.calibrate.budgets = {0.05, 0.3};
  std::vector<std::string> notes;
  std::vector<std::string> finished;
  const Watcher watcher{.on_progress =
                            [&](const ProgressReport& report) {
                              if (report.done == report.total) finished.push_back(report.what);
                            },
                        .on_note = [&](const std::string& line) { notes.push_back(line); }};
  const auto router = learn_in_rounds(services_, o, watcher);
  ASSERT_TRUE(router);
  EXPECT_EQ(router->info.rounds, 2);
  EXPECT_EQ(router->info.policy, "citer");
  EXPECT_GT(router->info.llm_accuracy, router->info.slm_accuracy);
  EXPECT_EQ(router->info.calibration_examples, 16);
  ASSERT_FALSE(router->info.calibration.empty());
  EXPECT_GT(router->info.calibration.back().llm_share, 0.0);
  EXPECT_THAT(notes, testing::Contains(HasSubstr("labels changed side")));

  EXPECT_THAT(finished, testing::ElementsAre("collect", "calibrate", "collect", "calibrate"));

  // Again: nothing is left to do, and the router is the same.
  notes.clear();
  const auto again = learn_in_rounds(services_, o, watcher);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->mlp.front().bias,
            load_router(o.folder / "round-2/router.gguf").mlp.front().bias);
  EXPECT_THAT(notes, testing::Not(testing::Contains(HasSubstr("epoch"))));
}

TEST_F(Collect, TrainingIsReproducibleAndNeedsHeldOutExamples) {
  const auto p = collect(services_, options(40));
  ASSERT_TRUE(p);
  TrainOptions train;
  train.epochs = 3;
  train.folds = 4;
  int best = 0;
  std::vector<EpochReport> reports;
  const auto a = train_router(*p, train, [&](const EpochReport& r) {
    reports.push_back(r);
    if (r.best) best = r.epoch;
  });
  const auto b = train_router(*p, train, [](const EpochReport&) {});
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->mlp.front().weight, b->mlp.front().weight);
  EXPECT_EQ(a->info.metrics.at("epoch"), best) << "the best epoch is what is returned";
  EXPECT_EQ(a->info.metrics.at("loss"), reports[static_cast<std::size_t>(best) - 1].loss);

  train.features = RouterFeatures::kConfidence;
  train.linear = true;
  const auto small = train_router(*p, train, [](const EpochReport&) {});
  ASSERT_TRUE(small);
  ASSERT_EQ(small->mlp.size(), 1U);
  EXPECT_EQ(small->mlp.front().n_in, kConfidenceFeatures);

  Preferences one = *p;
  for (PreferenceExample& example : one.examples) example.id = "the same";
  EXPECT_THAT(error_text<InputError>([&] { train_router(one, train, [](const EpochReport&) {}); }),
              HasSubstr("too few"));
}

}  // namespace
}  // namespace citer
