// Training end to end, small: it learns, resumes exactly, and refuses checkpoints that do not fit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "checkpoint.h"
#include "citer/error.h"
#include "support/error_text.h"
#include "support/temp_dir.h"
#include "trainer.h"

namespace citer::demo {
namespace {

using test::error_text;
using test::TempDir;
using testing::HasSubstr;

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() {
    options_.shape.vocab = vocabulary_.size();
    options_.shape.embed = 16;
    options_.shape.layers = 1;
    options_.shape.heads = 2;
    options_.shape.ff = 32;
    options_.first_mix = options_.second_mix = {1, 1, 1, 1};
    options_.steps = 12;
    options_.batch_tokens = 600;
    options_.warmup = 2;
    options_.report_every = 1;
    options_.checkpoint_every = 5;
    options_.optimizer.adam_rate = 1e-2F;
  }

  std::string path(const std::string& name) const { return folder_ / name; }
  void run(const TrainOptions& options, const std::string& name) {
    const Corpus corpus(Role::kLlm, vocabulary_, held_out_, options.seed);
    train(options, corpus, path(name), [this](const std::string& line) { log_.push_back(line); });
  }

  TempDir folder_;
  Vocabulary vocabulary_ = Vocabulary::load(CITER_SOURCE_DIR "/models/demo/vocab.txt");
  HeldOut held_out_;
  TrainOptions options_;
  std::vector<std::string> log_;
};

double loss_in(const std::string& line) { return std::stod(line.substr(line.find("loss ") + 5)); }

TEST_F(TrainerTest, LearnsAndReports) {
  run(options_, "a.ck");
  ASSERT_EQ(log_.size(), 12U);
  EXPECT_LT(loss_in(log_.back()), loss_in(log_.front()) - 0.5);
  EXPECT_THAT(log_.back(), HasSubstr("step 12/12"));
  EXPECT_EQ(load_checkpoint(path("a.ck")).step, 12);
}

TEST_F(TrainerTest, ResumesExactly) {
  run(options_, "whole.ck");
  // Interrupted after step 5: the checkpoint of that step is what a killed process leaves behind.
  options_.report_every = 5;
  const Corpus corpus(Role::kLlm, vocabulary_, held_out_, options_.seed);
  struct Interrupt {};
  EXPECT_THROW(train(options_, corpus, path("cut.ck"),
                     [&](const std::string& line) {
                       if (line.starts_with("step 10/")) throw Interrupt{};
                     }),
               Interrupt);
  EXPECT_EQ(load_checkpoint(path("cut.ck")).step, 5);
  log_.clear();
  run(options_, "cut.ck");
  EXPECT_THAT(log_.front(), HasSubstr("resumed"));
  EXPECT_EQ(load_checkpoint(path("cut.ck")).weights, load_checkpoint(path("whole.ck")).weights);
}

TEST_F(TrainerTest, RefusesCheckpointsThatDoNotFit) {
  run(options_, "a.ck");
  options_.seed = 2;
  EXPECT_THAT(error_text<InputError>([&] { run(options_, "a.ck"); }), HasSubstr("another shape"));
  write_file(path("b.ck"), "not a checkpoint at all, but long enough for one");
  EXPECT_THAT(error_text<InputError>([&] { run(options_, "b.ck"); }),
              HasSubstr("not a checkpoint"));
  const std::string whole = read_file(path("a.ck"));
  write_file(path("c.ck"), whole.substr(0, whole.size() - 8));
  EXPECT_THAT(error_text<InputError>([&] { load_checkpoint(path("c.ck")); }), HasSubstr("length"));
  write_file(path("d.ck"), whole + "x");
  EXPECT_THAT(error_text<InputError>([&] { load_checkpoint(path("d.ck")); }), HasSubstr("length"));
}

TEST_F(TrainerTest, RefusesShapesThatDoNotFit) {
  options_.shape.heads = 3;
  EXPECT_THROW(run(options_, "a.ck"), UsageError);
}

}  // namespace
}  // namespace citer::demo
