// Collection, training and calibration with the bundled pair.
#include "learn/collect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "citer/error.h"
#include "learn/branch.h"
#include "learn/calibrate.h"
#include "learn/rounds.h"
#include "learn/teacher.h"
#include "learn/train.h"
#include "model/sampler.h"
#include "support/error_text.h"
#include "support/odd_models.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

namespace fs = std::filesystem;
using test::error_text;
using testing::AllOf;
using testing::HasSubstr;

fs::path bundled(const std::string& file) {
  return fs::path(CITER_SOURCE_DIR) / "models/demo" / file;
}

PairOptions bundled_pair() {
  PairOptions options;
  options.slm = {.path = bundled("slm.gguf").string(), .devices = "none"};
  options.llm = {.path = bundled("llm.gguf").string(), .devices = "none"};
  return options;
}

ServiceOptions eight_sequences() {
  ServiceOptions options;
  options.context.sequences = 8;
  return options;
}

class Collect : public testing::Test {
 protected:
  CollectJob options(int limit = 36) const {
    CollectJob o;
    o.data = {bundled("data/mc.train.jsonl")};
    o.dataset.limit = limit;
    o.out = folder_ / "p.gguf";
    return o;
  }
  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  test::TempDir folder_;
  ServicePool services_{bundled_pair(), eight_sequences(), 1};
  Service& service_ = services_.front();
};

TEST_F(Collect, TeacherForcingAgreesWithOneTokenAtATime) {
  const Dataset data = load_dataset(bundled("data/math.valid.jsonl"), {.limit = 1});
  const auto prompt = service_.pair().tokenize({.text = data.examples[0].prompt});
  const auto text = service_.pair().vocab().tokenize(data.examples[0].reference, false, false);
  service_.with_models([&](Models& models) {
    const auto positions = teacher_forced(models, 8, prompt, text);
    ASSERT_EQ(positions.size(), text.size());
    std::vector<Token> tokens = prompt;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const int last = static_cast<int>(tokens.size()) - 1;
      const RowRequest request{0, tokens, {&last, 1}};
      models.slm.forward({&request, 1}, true);
      const Row slm = models.slm.row(0, 0);
      EXPECT_EQ(positions[i].slm_token, slm.stats.likeliest.front().id);
      EXPECT_NEAR(positions[i].hidden[5], slm.hidden[5], 0.02);
      EXPECT_NEAR(positions[i].confidence[0], confidence_features(slm.stats)[0], 0.02);
      models.llm.forward({&request, 1});
      EXPECT_EQ(positions[i].llm_token, models.llm.row(0, 0).stats.likeliest.front().id);
      tokens.push_back(text[i]);
    }
  });
}

TEST_F(Collect, LabelsFollowTheirRule) {
  CollectJob o = options(24);
  o.labels = LabelRule::kPaper;
  const auto paper = collect(services_, o);
  o.labels = LabelRule::kOutcome;
  const auto outcome = collect(services_, o);
  ASSERT_TRUE(paper && outcome);
  ASSERT_EQ(paper->size(), outcome->size());
  EXPECT_EQ(paper->info.counts.examples, 24);
  EXPECT_GT(outcome->info.counts.prefer_llm, 5);
  const ShortcutAgreement of_paper = shortcut_agreement(*paper);
  const ShortcutAgreement of_outcome = shortcut_agreement(*outcome);
  EXPECT_EQ(of_paper.agreed, of_paper.settled) << "the paper's labels are the shortcut's";
  EXPECT_EQ(of_outcome.settled, of_paper.settled);
  EXPECT_GT(of_outcome.agreed, 0);
  EXPECT_LT(of_outcome.agreed, of_outcome.settled) << "a paraphrase may lead to the right answer";
  for (std::size_t i = 0; i < paper->size(); ++i) {
    EXPECT_EQ(paper->kind[i], static_cast<int>(position_kind(
                                  paper->slm_token[i], paper->llm_token[i], paper->ref_token[i])));
    const auto kind = static_cast<PositionKind>(paper->kind[i]);
    EXPECT_TRUE(kind != PositionKind::kSlmOk || paper->label[i] == 1.0F);
    EXPECT_TRUE(kind != PositionKind::kLlmOk || paper->label[i] == 0.0F);
    EXPECT_TRUE(outcome->slm_token[i] != outcome->llm_token[i] || outcome->label[i] == 1.0F);
  }
}

TEST_F(Collect, InterruptedAndResumedGivesTheSameFile) {
  const CollectJob o = options(70);
  ASSERT_TRUE(collect(services_, o));
  const std::string whole = read_file(o.out);
  EXPECT_FALSE(fs::exists(folder_ / "p.gguf.parts"));

  fs::remove(o.out);
  Watcher stopping;
  int calls = 0;
  stopping.should_stop = [&] { return ++calls > 12; };  // in the second of three parts
  EXPECT_FALSE(collect(services_, o, stopping));
  EXPECT_FALSE(fs::exists(o.out));
  EXPECT_TRUE(fs::exists(folder_ / "p.gguf.parts" / "000000.gguf"));

  // Another collection must not take these parts for its own.
  CollectJob other = o;
  other.cost_weight = 0.5;
  EXPECT_THAT(error_text<InputError>([&] { collect(services_, other); }),
              AllOf(HasSubstr("p.gguf.parts"), HasSubstr("another collection")));

  ServicePool fresh(bundled_pair(), eight_sequences(), 3);
  ASSERT_TRUE(collect(fresh, o));
  EXPECT_EQ(read_file(o.out), whole);
  EXPECT_FALSE(fs::exists(folder_ / "p.gguf.parts"));
}

TEST_F(Collect, ExamplesWithoutReferenceAreCountedAndNoneIsAnError) {
  const std::string bare =
      R"({"question":"What?","choices":{"label":["A","B"],"text":["x","y"]},"answerKey":"A"})";
  const std::string with =
      R"({"question":"Why?","choices":{"label":["A","B"],"text":["x","y"]},"answerKey":"A","cot":"So x."})";
  CollectJob o = options();
  o.data = {write("some.jsonl", bare + "\n" + with + "\n")};
  const auto some = collect(services_, o);
  ASSERT_TRUE(some);
  EXPECT_EQ(some->info.counts.no_reference, 1);
  EXPECT_EQ(some->info.counts.examples, 1);
  o.data = {write("none.jsonl", bare + "\n")};
  EXPECT_THAT(error_text<InputError>([&] { collect(services_, o); }),
              AllOf(HasSubstr("none.jsonl"), HasSubstr("1 examples without a reference text")));
  o.data = {write("empty.jsonl", "")};
  EXPECT_THAT(error_text<InputError>([&] { collect(services_, o); }), HasSubstr("empty.jsonl"));
}

TEST_F(Collect, PolicyStatesAreWhatThePolicyWrites) {
  CollectJob o = options(8);
  o.states = StateSource::kPolicy;
  const auto p = collect(services_, o);
  ASSERT_TRUE(p);
  for (std::size_t i = 0; i < p->size(); ++i) {
    EXPECT_EQ(p->slm_token[i], p->ref_token[i]) << "without a router the SLM writes";
  }
  o.labels = LabelRule::kPaper;
  EXPECT_THAT(error_text<FieldError>([&] { collect(services_, o); }),
              HasSubstr("states and labels: "));
}

TEST_F(Collect, LlmReferencesAreItsOwnRightAnswers) {
  CollectJob o = options(8);
  o.states = StateSource::kLlm;
  const auto p = collect(services_, o);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->info.counts.examples + p->info.counts.wrong_llm, 8);
  for (std::size_t i = 0; i < p->size(); ++i) EXPECT_EQ(p->llm_token[i], p->ref_token[i]);
}

TEST_F(Collect, ModelWithoutNumbersIsAnError) {
  test::write_nan_model(folder_ / "nan.gguf");
  test::write_tiny_model(folder_ / "tiny.gguf");
  PairOptions pair;
  pair.slm = {.path = (folder_ / "nan.gguf").string(), .devices = "none"};
  pair.llm = {.path = (folder_ / "tiny.gguf").string(), .devices = "none"};
  Service service(std::make_shared<Pair>(pair), {});
  EXPECT_THAT(
      error_text<ResourceError>([&] {
        service.with_models([](Models& models) { teacher_forced(models, 0, {0, 5}, {6, 7}); });
      }),
      HasSubstr("nan.gguf"));
}

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

  Preferences one = *p;
  for (PreferenceExample& example : one.examples) example.id = "the same";
  EXPECT_THAT(error_text<InputError>([&] { train_router(one, train, [](const EpochReport&) {}); }),
              HasSubstr("too few"));
}

}  // namespace
}  // namespace citer
