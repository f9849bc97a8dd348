// Preference files.
#include "learn/preferences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "citer/error.h"
#include "support/damage.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

using test::error_text;
using testing::AllOf;
using testing::HasSubstr;

Preferences sample() {
  Preferences p;
  p.info.n_embd = 2;
  p.info.slm = {"small", 1};
  p.info.llm = {"large", 2};
  p.info.data = "data";
  p.info.round = 3;
  p.info.labels = LabelRule::kPaper;
  p.info.states = StateSource::kLlm;
  p.info.identity = "this work";
  p.info.counts.slm_ok = 2;
  p.info.counts.no_reference = 5;
  p.info.judge = OutcomeRule::kAgreement;
  p.info.continued_by = ContinueBy::kLlm;
  p.examples = {{"one", true}, {"two", std::nullopt}};
  p.hidden = HiddenStates(2);
  p.hidden.append(std::vector<float>{1, 2, 3, 4, 5, 6});
  p.confidence.assign(3 * kConfidenceFeatures, 0.25F);
  p.label = {1, 0, 0.5F};
  p.slm_logprob = {-1, -2, -3};
  p.llm_logprob = {-4, -5, -6};
  p.example = {0, 0, 1};
  p.position = {0, 1, 0};
  p.slm_token = {1, 2, 3};
  p.llm_token = {1, 4, 5};
  p.ref_token = {1, 4, 6};
  p.kind = {0, 1, 2};
  p.weight = {1, 0, 2.5F};
  p.llm_gap = {0, 0.5F, 3};
  p.source = {0, 4, 2};
  return p;
}

std::vector<float> floats_of(const HiddenStates& hidden) {
  std::vector<float> out;
  std::vector<float> row(static_cast<std::size_t>(hidden.width()));
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    hidden.read(i, row);
    out.insert(out.end(), row.begin(), row.end());
  }
  return out;
}

class PreferenceFile : public testing::Test {
 protected:
  test::TempDir folder_;
  std::filesystem::path path_ = folder_ / "p.gguf";
};

TEST_F(PreferenceFile, RoundTrip) {
  const Preferences p = sample();
  save_preferences(path_, p);
  const Preferences read = load_preferences(path_);
  EXPECT_EQ(read.info.slm, p.info.slm);
  EXPECT_EQ(read.info.round, 3);
  EXPECT_EQ(read.info.labels, LabelRule::kPaper);
  EXPECT_EQ(read.info.states, StateSource::kLlm);
  EXPECT_EQ(read.info.identity, "this work");
  EXPECT_EQ(read.info.counts.no_reference, 5);
  ASSERT_EQ(read.examples.size(), 2U);
  EXPECT_EQ(read.info.judge, OutcomeRule::kAgreement);
  EXPECT_EQ(read.info.continued_by, ContinueBy::kLlm);
  EXPECT_EQ(read.examples[0].slm_right, true);
  EXPECT_EQ(read.examples[1].slm_right, std::nullopt);
  EXPECT_EQ(read.examples[1].id, "two");
  EXPECT_EQ(floats_of(read.hidden), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(read.confidence, p.confidence);
  EXPECT_EQ(read.label, p.label);
  EXPECT_EQ(read.llm_logprob, p.llm_logprob);
  EXPECT_EQ(read.example, p.example);
  EXPECT_EQ(read.ref_token, p.ref_token);
  EXPECT_EQ(read.kind, p.kind);
  EXPECT_EQ(read.weight, p.weight);
  EXPECT_EQ(read.llm_gap, p.llm_gap);
  EXPECT_EQ(read.source, p.source);
}

TEST_F(PreferenceFile, MergedRowsOutliveTheirFiles) {
  save_preferences(folder_ / "a.gguf", sample());
  save_preferences(folder_ / "b.gguf", sample());
  Preferences all = load_preferences(folder_ / "a.gguf");
  all.append(load_preferences(folder_ / "b.gguf"), "a", "b");
  std::filesystem::remove(folder_ / "a.gguf");
  std::filesystem::remove(folder_ / "b.gguf");
  const Preferences copy = all;
  all.hidden.append(std::vector<float>{7, 8});
  EXPECT_EQ(copy.hidden.size(), 6U);
  EXPECT_EQ(floats_of(all.hidden).back(), 8.0F);
  save_preferences(path_, copy);
  EXPECT_EQ(floats_of(load_preferences(path_).hidden),
            (std::vector<float>{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}));
}

TEST_F(PreferenceFile, NoRowsAreFineToo) {
  Preferences p = sample();
  Preferences none;
  none.info = p.info;
  save_preferences(path_, none);
  EXPECT_EQ(load_preferences(path_).size(), 0U);
}

TEST_F(PreferenceFile, Truncated) {
  save_preferences(path_, sample());
  const std::string bytes = read_file(path_);
  for (const std::size_t size : {bytes.size() / 3, bytes.size() - 40}) {
    write_file(path_, bytes.substr(0, size));
    EXPECT_THAT(error_text<InputError>([&] { load_preferences(path_); }),
                AllOf(HasSubstr("p.gguf"), HasSubstr("truncated")));
  }
}

TEST_F(PreferenceFile, DamagedBytesAreReadOrRefused) {
  save_preferences(path_, sample());
  test::expect_reads_or_refuses_damaged(path_, 3000, 1000, load_preferences);
}

TEST_F(PreferenceFile, ColumnsOfUnequalLength) {
  Preferences p = sample();
  p.position.pop_back();
  save_preferences(path_, p);
  EXPECT_THAT(error_text<InputError>([&] { load_preferences(path_); }),
              HasSubstr("do not belong together"));
}

TEST(PreferenceAppend, RenumbersExamplesAndAddsCounts) {
  Preferences a = sample();
  a.append(sample(), "a", "b");
  EXPECT_EQ(a.size(), 6U);
  EXPECT_EQ(a.example, (std::vector<std::int32_t>{0, 0, 1, 2, 2, 3}));
  EXPECT_EQ(a.examples.size(), 4U);
  EXPECT_EQ(floats_of(a.hidden), (std::vector<float>{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(a.info.counts.slm_ok, 4);
}

TEST(PreferenceAppend, OfOtherModelsIsRefusedNamingBothSides) {
  Preferences a = sample();
  Preferences b = sample();
  b.info.slm = {"tiny", 9};
  EXPECT_THAT(error_text<InputError>([&] { a.append(b, "a.gguf", "b.gguf"); }),
              AllOf(HasSubstr("a.gguf"), HasSubstr("b.gguf"), HasSubstr("'small'"),
                    HasSubstr("'tiny'"), HasSubstr("0000000000000009")));
}

TEST(FlippedLabels, CountsPositionsThatBothHave) {
  const Preferences a = sample();
  Preferences b = sample();
  EXPECT_EQ(flipped_labels(a, b), 0);
  b.label = {0, 1, 1};
  EXPECT_EQ(flipped_labels(a, b), 2) << "the second has no label";
  b.examples[1].id = "three";
  EXPECT_EQ(flipped_labels(a, b), 1);
}

}  // namespace
}  // namespace citer
