// Rows read on the device that computes them, here the CPU, beside rows read by the host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "citer/error.h"
#include "model/context.h"
#include "support/architectures.h"
#include "support/compare.h"
#include "support/error_text.h"
#include "support/llama_runner.h"
#include "support/odd_models.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

using test::error_text;
using test::TempDir;
using testing::HasSubstr;

constexpr double kTolerance = 1e-5;  // of sums of floats

std::shared_ptr<Model> load(const std::filesystem::path& path) {
  ModelOptions options;
  options.path = path.string();
  options.devices = "none";
  options.cache_type_k = options.cache_type_v = "f32";
  return Model::load(options);
}

ContextOptions reading(const std::string& where, int sequences, int batch_size = 512) {
  return {.context_size = 512,
          .sequences = sequences,
          .batch_size = batch_size,
          .flash_attention = "off",
          .row_reading = where};
}

std::vector<Token> random_tokens(Rng& rng, std::size_t n) {
  std::vector<Token> tokens(n);
  for (Token& token : tokens) token = static_cast<Token>(rng.uniform(3, 250));
  return tokens;
}

/// One context of each kind over the same model.
class Both {
 public:
  Both(const std::shared_ptr<Model>& model, int sequences, int batch_size = 512)
      : host(model, reading("host", sequences, batch_size)),
        device(model, reading("device", sequences, batch_size)) {
    EXPECT_FALSE(host.reads_on_device());
    EXPECT_TRUE(device.reads_on_device());
  }

  void limit_vocabulary(int n) {
    host.limit_vocabulary(n);
    device.limit_vocabulary(n);
  }

  /// Makes the same pass in both and compares all that can be read of it.
  void forward(const std::vector<RowRequest>& requests, bool want_hidden) {
    const ForwardCost expected = host.forward(requests, want_hidden);
    const ForwardCost found = device.forward(requests, want_hidden);
    EXPECT_EQ(found.passes, expected.passes);
    EXPECT_EQ(found.positions, expected.positions);
    for (std::size_t r = 0; r < requests.size(); ++r) {
      for (std::size_t i = 0; i < requests[r].rows.size(); ++i) {
        SCOPED_TRACE(testing::Message() << "request " << r << ", row " << i);
        compare(device.row(r, i), host.row(r, i), requests[r].form);
        EXPECT_EQ(device.row(r, i).hidden.empty(), !want_hidden);
      }
    }
  }

  ModelContext host;
  ModelContext device;

 private:
  static void compare(const Row& found, const Row& expected, const RowForm& form) {
    ASSERT_EQ(found.stats.n_vocab, expected.stats.n_vocab);
    ASSERT_EQ(found.stats.likeliest.size(), expected.stats.likeliest.size());
    for (std::size_t i = 0; i < expected.stats.likeliest.size(); ++i) {
      ASSERT_EQ(found.stats.likeliest[i].id, expected.stats.likeliest[i].id) << "place " << i;
      ASSERT_EQ(found.stats.likeliest[i].logit, expected.stats.likeliest[i].logit);
    }
    EXPECT_EQ(std::isnan(found.stats.log_sum), !form.sums);
    if (form.sums) {
      EXPECT_NEAR(found.stats.log_sum, expected.stats.log_sum, kTolerance);
      EXPECT_NEAR(found.stats.entropy, expected.stats.entropy, kTolerance);
    }
    EXPECT_EQ(found.logits.empty(), !form.logits);
    EXPECT_TRUE(std::ranges::equal(found.logits, expected.logits));
    EXPECT_TRUE(std::ranges::equal(found.hidden, expected.hidden));
  }
};

class DeviceRowsTest : public testing::Test {
 protected:
  TempDir folder_;
  std::filesystem::path path_ = folder_ / "tiny.gguf";
  Rng rng_{5};
};

/// Vocabularies that are searched whole, and by blocks; with a part that is never drawn.
struct Vocabulary {
  int size;
  int limit;
};

class DeviceVocabulary : public DeviceRowsTest, public testing::WithParamInterface<Vocabulary> {};

TEST_P(DeviceVocabulary, RowsAreWhatTheHostReads) {
  test::write_tiny_model(path_, {.n_extra_tokens = GetParam().size - test::tiny_vocab_size()});
  Both both(load(path_), 3, 16);
  if (GetParam().limit > 0) both.limit_vocabulary(GetParam().limit);
  std::vector<std::vector<Token>> tokens(3);
  for (int step = 0; step < 6; ++step) {
    std::vector<std::vector<int>> rows(3);
    std::vector<RowRequest> requests;
    for (int s = 0; s < 3; ++s) {
      const auto i = static_cast<std::size_t>(s);
      // Grown, or taken back by some tokens and written on: several rows, in several batches.
      if (step % 3 == 2) tokens[i].resize(tokens[i].size() - 2);
      const std::vector<Token> more = random_tokens(rng_, static_cast<std::size_t>(3 + 4 * s));
      tokens[i].insert(tokens[i].end(), more.begin(), more.end());
      const int end = static_cast<int>(tokens[i].size());
      if (s != step % 4) rows[i] = {end - 3, end - 1};
      requests.push_back({s, tokens[i], rows[i], {.sums = s != 0, .logits = s == 1}});
    }
    SCOPED_TRACE(testing::Message() << "step " << step);
    both.forward(requests, step % 2 == 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, DeviceVocabulary,
                         testing::Values(Vocabulary{310, 0}, Vocabulary{310, 301},
                                         Vocabulary{130 * 128, 0}, Vocabulary{130 * 128 + 1, 0},
                                         Vocabulary{131 * 128, 130 * 128}));

TEST_F(DeviceRowsTest, MoreRowsThanADeviceKeepsComeInSeveralPasses) {
  test::write_tiny_model(path_);
  ModelContext context(load(path_), reading("device", 1));
  const std::vector<Token> tokens = random_tokens(rng_, 300);
  std::vector<int> rows(tokens.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int>(i);
  const RowRequest request{0, tokens, rows};
  EXPECT_EQ(context.forward({&request, 1}, true).passes, 3);
  const auto expected = test::LlamaRunner(path_, 512).logits(tokens);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ASSERT_LT(test::max_difference(context.row(0, i).logits, expected[i]), 1e-3) << "row " << i;
  }
}

TEST_F(DeviceRowsTest, ForkedSequencesGoOn) {
  test::write_tiny_model(path_);
  Both both(load(path_), 2);
  std::vector<Token> tokens = random_tokens(rng_, 20);
  both.forward({{0, tokens, {}}}, false);
  both.host.fork(0, 1, 15);
  both.device.fork(0, 1, 15);
  tokens.resize(15);
  tokens.push_back(99);
  const int last = 15;
  both.forward({{1, tokens, {&last, 1}}}, true);
}

TEST_F(DeviceRowsTest, RecurrentModelsRowsComeInTheirOrder) {
  test::write_architecture(path_, "mamba");
  Both both(load(path_), 4);
  std::vector<std::vector<Token>> tokens(4);
  for (const std::vector<std::size_t>& more :
       {std::vector<std::size_t>{5, 5, 3, 3}, {1, 1, 1, 1}, {2, 4, 4, 1}}) {
    std::vector<int> last(4);
    std::vector<RowRequest> requests;
    for (std::size_t s = 0; s < 4; ++s) {
      const std::vector<Token> added = random_tokens(rng_, more[s]);
      tokens[s].insert(tokens[s].end(), added.begin(), added.end());
      last[s] = static_cast<int>(tokens[s].size()) - 1;
      requests.push_back({static_cast<int>(s), tokens[s], {&last[s], 1}});
    }
    both.forward(requests, true);
    test::LlamaRunner reference(path_);
    for (std::size_t s = 0; s < 4; ++s) {
      EXPECT_LT(
          test::max_difference(both.device.row(s, 0).logits, reference.logits(tokens[s]).back()),
          1e-3);
    }
  }
}

TEST_F(DeviceRowsTest, RecurrentModelsSequencesShareAPass) {
  test::write_architecture(path_, "mamba");
  for (const std::string& where : std::vector<std::string>{"host", "device"}) {
    ModelContext context(load(path_), reading(where, 3));
    const std::vector<Token> tokens = random_tokens(rng_, 4);
    const int last = 3;
    std::vector<RowRequest> requests;
    for (int s = 0; s < 3; ++s) requests.push_back({s, tokens, {&last, 1}});
    EXPECT_EQ(context.forward(requests, true).passes, 1) << where;
  }
}

TEST_F(DeviceRowsTest, RowsOfNoNumbersAreRefused) {
  test::write_nan_model(path_);
  ModelContext context(load(path_), reading("device", 1));
  const std::vector<Token> tokens = {5, 6, 7};
  const int last = 2;
  const RowRequest request{0, tokens, {&last, 1}, {.logits = false}};
  EXPECT_THAT(error_text<ResourceError>([&] {
                context.forward({&request, 1});
              }),
              HasSubstr("all logits are NaN"));
}

TEST_F(DeviceRowsTest, GoesOnAfterAPassThatFailed) {
  test::write_tiny_model(path_);
  Both both(load(path_), 1);
  const std::vector<Token> tokens = random_tokens(rng_, 9);
  const int last = 8;
  const RowRequest request{0, tokens, {&last, 1}};
  both.forward({request}, true);
  bool unwanted = true;
  both.device.interrupt_when([&] { return unwanted; });
  both.device.forget(0);
  EXPECT_THROW(both.device.forward({&request, 1}), ResourceError);
  unwanted = false;
  both.host.forget(0);
  both.forward({request}, true);
}

TEST_F(DeviceRowsTest, TheCpuReadsWhatItComputesUnlessItIsAsked) {
  test::write_tiny_model(path_);
  EXPECT_FALSE(ModelContext(load(path_), reading("auto", 1)).reads_on_device());
  EXPECT_EQ(error_text<UsageError>([&] { ModelContext(load(path_), reading("moon", 1)); }),
            "row_reading: expected device, host or auto, found 'moon'");
}

}  // namespace
}  // namespace citer
