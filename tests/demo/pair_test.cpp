// The bundled pair itself, on the first problems of the test files: what README.md reports on all
// of them, with margins for the smaller number.
#include <gtest/gtest.h>

#include <filesystem>

#include "dataset.h"
#include "model/model.h"
#include "report.h"
#include "vocab.h"

namespace citer::demo {
namespace {

const std::string kFolder = CITER_SOURCE_DIR "/models/demo/";

double share(long part, long whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

void expect_accuracies(const TaskReport& task) {
  EXPECT_GE(share(task.llm.correct, task.examples), task.task == "math" ? 0.95 : 0.90);
  EXPECT_GE(share(task.slm.correct, task.examples), 0.08);
  EXPECT_LE(share(task.slm.correct, task.examples), 0.55);
}

void expect_recovery(const TaskReport& task) {
  const RoutedRun& run = task.maxprob.front();
  EXPECT_LE(share(run.counters.llm_tokens, run.counters.tokens()), 0.30);
  EXPECT_GE(share(run.correct - task.slm.correct, task.llm.correct - task.slm.correct), 0.65);
}

void expect_uncertainty_apart_from_error(const TaskReport& task) {
  const ForcedShares& f = task.forced;
  EXPECT_GE(share(f.both_unsure, f.positions), 0.10);
  EXPECT_GE(share(f.free_both_unsure, f.both_unsure), 0.95);
  EXPECT_GE(share(f.confident_wrong, f.fixed_wrong_slm), 0.22);
}

TEST(PairTest, MeasuresUpOnTheFirstProblems) {
  ReportOptions options;
  options.slm = kFolder + "slm.gguf";
  options.llm = kFolder + "llm.gguf";
  options.data = kFolder + "data";
  options.limit = 150;
  options.thresholds = {0.95};
  const Report report = measure(options, [](const std::string&) {});
  ASSERT_EQ(report.tasks.size(), 2U);
  for (const TaskReport& task : report.tasks) {
    SCOPED_TRACE(task.task);
    expect_accuracies(task);
    expect_recovery(task);
    expect_uncertainty_apart_from_error(task);
  }
}

TEST(PairTest, IsAPairWithTheVocabularyFile) {
  ModelOptions slm;
  slm.path = kFolder + "slm.gguf";
  ModelOptions llm;
  llm.path = kFolder + "llm.gguf";
  slm.devices = llm.devices = "none";
  const auto small = Model::load(slm);
  const auto large = Model::load(llm);
  EXPECT_NO_THROW(check_pair(*small, *large));
  const Vocabulary vocabulary = Vocabulary::load(kFolder + "vocab.txt");
  ASSERT_EQ(small->vocab().size(), vocabulary.size());
  for (int id = 0; id < vocabulary.size(); ++id) {
    EXPECT_EQ(small->vocab().spelling(id), vocabulary.stored(id));
  }
}

TEST(PairTest, FitsInThirtyMegabytes) {
  const auto bytes = std::filesystem::file_size(kFolder + "slm.gguf") +
                     std::filesystem::file_size(kFolder + "llm.gguf");
  EXPECT_LT(bytes, 30U << 20);
}

}  // namespace
}  // namespace citer::demo
