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
#include "model/chat_format.h"
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
    o.positions = 0;
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
    const auto positions = teacher_forced(models, 8, prompt, text, *make_policy("maxprob"));
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
      EXPECT_NEAR(positions[i].score, slm.stats.probability(0), 0.02);
      const Token slm_token = positions[i].slm_token;
      models.llm.forward({&request, 1});
      const Row llm = models.llm.row(0, 0);
      EXPECT_EQ(positions[i].llm_token, llm.stats.likeliest.front().id);
      EXPECT_NEAR(positions[i].llm_gap,
                  logprobs_of(llm, positions[i].llm_token, 0).logprob -
                      logprobs_of(llm, slm_token, 0).logprob,
                  0.05);
      tokens.push_back(text[i]);
    }
  });
}

TEST_F(Collect, AReferenceFollowsTheChatTemplateWithoutASpace) {
  const auto first_token = [&](const std::string& source) {
    PairOptions pair = bundled_pair();
    if (!source.empty()) pair.chat.template_file = write("own.jinja", source).string();
    ServicePool services(pair, eight_sequences(), 1);
    CollectJob o = options(1);
    o.out = folder_ / ("p" + std::to_string(source.size()) + ".gguf");
    const auto preferences = collect(services, o);
    EXPECT_EQ(preferences->info.chat_format, services.pair().chat_format().name());
    const auto text = services.pair().vocab().piece(preferences->ref_token.front());
    return text;
  };
  EXPECT_EQ(first_token("").front(), ' ');
  EXPECT_NE(first_token("{{ messages[0].content }}\n").front(), ' ');
}

TEST_F(Collect, PreferencesOfAnotherChatFormatAreRefused) {
  ASSERT_TRUE(collect(services_, options(8)));
  PairOptions pair = bundled_pair();
  pair.chat.template_file = write("own.jinja", "{{ messages[0].content }}\n").string();
  ServicePool services(pair, eight_sequences(), 1);
  LearnOptions learn;
  learn.preferences = {folder_ / "p.gguf"};
  EXPECT_THAT(error_text<InputError>([&] { learn_from_files(services, learn, {}); }),
              AllOf(HasSubstr("p.gguf: collected on prompts in the format 'chat template"),
                    HasSubstr("here it is 'chat template")));
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
  stopping.should_stop = [&] { return ++calls > 12; };  // in the fourth of nine parts
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

TEST_F(Collect, ADamagedPartIsNamed) {
  const CollectJob o = options(70);
  Watcher stopping;
  int calls = 0;
  stopping.should_stop = [&] { return ++calls > 12; };
  ASSERT_FALSE(collect(services_, o, stopping));
  const fs::path part = folder_ / "p.gguf.parts" / "000000.gguf";
  fs::resize_file(part, fs::file_size(part) / 2);
  EXPECT_THAT(error_text<InputError>([&] { collect(services_, o); }), HasSubstr("000000.gguf"));
  fs::remove(part);
  EXPECT_TRUE(collect(services_, o));
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

/// Of a source, and what they say.
std::vector<std::size_t> rows_by(const Preferences& p, LabelSource source) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p.source[i] == static_cast<std::int32_t>(source)) rows.push_back(i);
  }
  return rows;
}

TEST_F(Collect, FewPositionsAreChosenAndStandForTheOthers) {
  CollectJob o = options(24);
  const auto all = collect(services_, o);
  o.positions = 2;
  o.out = folder_ / "few.gguf";
  const auto few = collect(services_, o);
  ASSERT_TRUE(all && few);
  const auto chosen = rows_by(*few, LabelSource::kRollout);
  const auto rolled = rows_by(*all, LabelSource::kRollout);
  EXPECT_EQ(chosen.size() + rows_by(*few, LabelSource::kNotChosen).size(), rolled.size());
  EXPECT_LE(chosen.size(), 48U);
  EXPECT_LT(few->info.counts.rollout_tokens, all->info.counts.rollout_tokens);
  double stand_for = 0.0;
  for (const std::size_t i : chosen) {
    EXPECT_EQ(few->label[i], all->label[i]) << "what is labelled does not depend on the choice";
    EXPECT_GE(few->weight[i], 1.0F);
    stand_for += few->weight[i];
  }
  const auto n = static_cast<double>(rolled.size());
  EXPECT_NEAR(stand_for, n, 0.3 * n);
  for (const std::size_t i : rows_by(*few, LabelSource::kNotChosen))
    EXPECT_EQ(few->weight[i], 0.0F);
}

TEST_F(Collect, WhatIsCutOffIsNoPreference) {
  CollectJob o = options(16);
  o.max_tokens = 12;  // too few to come to an answer
  const auto p = collect(services_, o);
  ASSERT_TRUE(p);
  const auto cut = rows_by(*p, LabelSource::kCut);
  EXPECT_EQ(static_cast<std::size_t>(p->info.counts.cut_off), cut.size());
  EXPECT_GT(cut.size(), 10U);
  for (const std::size_t i : cut) EXPECT_EQ(p->weight[i], 0.0F);
  EXPECT_THAT(counts_text(p->info.counts), HasSubstr("a rollout was cut off"));
}

TEST_F(Collect, AgreementNeedsNoRightAnswers) {
  const std::string wrong =
      R"({"problem":"Mia has 3 pens. She buys 4 more. How many pens does she have?",)"
      R"("solution":"\\boxed{1000}"})";
  CollectJob o = options();
  o.data = {write("wrong.jsonl", wrong + "\n")};
  o.judge = OutcomeRule::kAgreement;
  EXPECT_THAT(error_text<FieldError>([&] { collect(services_, o); }),
              HasSubstr("judge and states"));
  o.states = StateSource::kLlm;
  const auto p = collect(services_, o);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->info.counts.examples, 1);
  EXPECT_EQ(p->info.counts.wrong_llm, 0);

  // On data with right answers it labels as they do where the LLM is right.
  o.data = {bundled("data/mc.train.jsonl")};
  o.dataset.limit = 12;
  o.out = folder_ / "agreement.gguf";
  const auto agreement = collect(services_, o);
  o.judge = OutcomeRule::kAnswer;
  o.out = folder_ / "answer.gguf";
  const auto answer = collect(services_, o);
  ASSERT_TRUE(agreement && answer);
  ASSERT_EQ(answer->info.counts.wrong_llm, 0) << "the bundled LLM knows them all";
  EXPECT_EQ(agreement->label, answer->label);
}

TEST_F(Collect, TheTeacherLabelsTextsThatNobodyJudges) {
  CollectJob o = options();
  o.data = {write("wrong.jsonl",
                  R"({"problem":"Mia has 3 pens. She buys 4 more. How many pens does )"
                  R"(she have?","solution":"\\boxed{1000}"})"
                  "\n")};
  o.states = StateSource::kLlm;
  o.labels = LabelRule::kTeacher;
  const auto p = collect(services_, o);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->info.counts.examples, 1);
  EXPECT_EQ(p->info.counts.rollouts, 0);
  const auto rows = rows_by(*p, LabelSource::kTeacher);
  EXPECT_FALSE(rows.empty());
  for (std::size_t i = 0; i < p->size(); ++i) {
    EXPECT_EQ(p->weight[i], 1.0F);
    EXPECT_NEAR(p->label[i], std::exp(-p->llm_gap[i]), 1e-6);
    const bool agree = p->slm_token[i] == p->llm_token[i];
    EXPECT_EQ(agree, p->label[i] == 1.0F);
  }
  o.judge = OutcomeRule::kAgreement;
  EXPECT_THAT(error_text<FieldError>([&] { collect(services_, o); }),
              HasSubstr("judge and labels: "));
}

TEST_F(Collect, ACommandJudges) {
  CollectJob o = options(4);
  o.positions = 2;
  o.judge = OutcomeRule::kCommand;
  EXPECT_THAT(error_text<FieldError>([&] { collect(services_, o); }), HasSubstr("command"));
  o.command = "cat > /dev/null; exit 3";
  EXPECT_THAT(error_text<InputError>([&] { collect(services_, o); }),
              AllOf(HasSubstr("exit 3"), HasSubstr("found 3")));
  o.command = R"(grep -q '"gold":.*"id":.*"prompt":.*"text":')";
  o.out = folder_ / "all-right.gguf";
  const auto p = collect(services_, o);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->info.counts.prefer_llm, 0) << "both continuations are right, the SLM's is cheaper";
  EXPECT_GT(p->info.counts.by_rollout, 0);
}

TEST_F(Collect, TheLlmCompares) {
  CollectJob o = options(2);
  o.positions = 2;
  o.judge = OutcomeRule::kLlm;
  const auto p = collect(services_, o);
  ASSERT_TRUE(p);
  EXPECT_GT(p->info.counts.by_rollout, 0);
  o.labels = LabelRule::kPaper;
  EXPECT_THAT(error_text<FieldError>([&] { collect(services_, o); }),
              HasSubstr("judge and labels"));
}

TEST_F(Collect, RolloutTokensBoundItAndMoreGoOn) {
  CollectJob o = options(64);
  o.positions = 2;
  const auto whole = collect(services_, o);
  ASSERT_TRUE(whole);
  fs::remove(o.out);
  o.rollout_tokens = whole->info.counts.rollout_tokens / 3;
  ServicePool three(bundled_pair(), eight_sequences(), 3);
  const auto part = collect(three, o);
  ASSERT_TRUE(part);
  EXPECT_GE(part->info.counts.rollout_tokens, o.rollout_tokens);
  EXPECT_LT(part->examples.size(), 48U);
  EXPECT_NE(part->info.identity, whole->info.identity);
  fs::remove(o.out);
  const auto again = collect(services_, o);
  EXPECT_EQ(again->info.identity, part->info.identity) << "whatever the number of workers";
  EXPECT_EQ(again->label, part->label);
  o.rollout_tokens = 0;
  const auto rest = collect(services_, o);
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->label, whole->label);
  EXPECT_EQ(rest->info.identity, whole->info.identity);
  EXPECT_FALSE(fs::exists(folder_ / "p.gguf.parts"));
}

TEST_F(Collect, AfterTheDeadlineNoneIsBegunButTheFirst) {
  CollectJob o = options(24);
  o.positions = 2;
  o.deadline = std::chrono::steady_clock::now();
  const auto p = collect(services_, o);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->examples.size(), 8U);
  EXPECT_EQ(collect(services_, o)->examples.size(), 8U);
  o.deadline.reset();
  EXPECT_EQ(collect(services_, o)->examples.size(), 24U);
}

TEST_F(Collect, TextsOfAnEarlierRoundAreNotWrittenAgain) {
  CollectJob o = options(8);
  o.positions = 1;
  o.states = StateSource::kLlm;
  const auto first = collect(services_, o);
  ASSERT_TRUE(first);
  o.out = folder_ / "again.gguf";
  o.before = &*first;
  o.round = 2;
  const std::int64_t before = service_.status().totals.llm_tokens;
  const auto second = collect(services_, o);
  ASSERT_TRUE(second);
  EXPECT_EQ(service_.status().totals.llm_tokens, before);
  EXPECT_EQ(second->ref_token, first->ref_token);
}

TEST_F(Collect, ModelWithoutNumbersIsAnError) {
  test::write_nan_model(folder_ / "nan.gguf");
  test::write_tiny_model(folder_ / "tiny.gguf");
  PairOptions pair;
  pair.slm = {.path = (folder_ / "nan.gguf").string(), .devices = "none"};
  pair.llm = {.path = (folder_ / "tiny.gguf").string(), .devices = "none"};
  Service service(std::make_shared<Pair>(pair), {});
  EXPECT_THAT(error_text<ResourceError>([&] {
                service.with_models([](Models& models) {
                  teacher_forced(models, 0, {0, 5}, {6, 7}, *make_policy("slm"));
                });
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

TEST_F(Collect, TellsOfEveryFewExamples) {
  std::vector<std::int64_t> done;
  std::int64_t total = 0;
  const Watcher watcher{.on_progress = [&](const ProgressReport& report) {
    done.push_back(report.done);
    total = report.total;
  }};
  ASSERT_TRUE(collect(services_, options(12), watcher));
  EXPECT_EQ(total, 12);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.front(), 0);
  EXPECT_EQ(done.back(), total);
  for (std::size_t i = 1; i < done.size(); ++i) EXPECT_LE(done[i] - done[i - 1], 4);
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
