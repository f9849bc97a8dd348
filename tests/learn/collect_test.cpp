// Collection with the bundled pair: what is read and written, resumed and bounded.
#include "base/file.h"
#include "citer/error.h"
#include "learn/branch.h"
#include "learn/collect_fixture.h"
#include "learn/rounds.h"
#include "learn/teacher.h"
#include "model/chat_format.h"
#include "model/sampler.h"
#include "support/odd_models.h"

namespace citer {
namespace {

using test::error_text;
using testing::AllOf;
using testing::HasSubstr;

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

}  // namespace
}  // namespace citer
