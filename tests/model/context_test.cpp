// ModelContext against a plain libllama evaluation of the same tokens from scratch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/rng.h"
#include "citer/error.h"
#include "model/context.h"
#include "support/compare.h"
#include "support/error_text.h"
#include "support/llama_runner.h"
#include "support/odd_models.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

using test::error_text;
using test::LlamaRunner;
using test::max_difference;
using test::TempDir;
using testing::HasSubstr;

constexpr double kTolerance = 1e-3;  // logits are of size 4; batches of other sizes round otherwise

ModelOptions options_for(const std::filesystem::path& path, const std::string& cache_type = "f32") {
  ModelOptions options;
  options.path = path.string();
  options.devices = "none";
  options.cache_type_k = options.cache_type_v = cache_type;
  return options;
}

/// Rows of output.weight: what turns a hidden state into logits. [n_vocab][n_embd]
std::vector<std::vector<float>> output_matrix(const std::filesystem::path& path) {
  ggml_context* tensors = nullptr;
  gguf_context* gguf = gguf_init_from_file(path.c_str(), {.no_alloc = false, .ctx = &tensors});
  const ggml_tensor* output = ggml_get_tensor(tensors, "output.weight");
  const auto* values = static_cast<const float*>(output->data);
  std::vector<std::vector<float>> rows;
  for (std::int64_t i = 0; i < output->ne[1]; ++i) {
    rows.emplace_back(values + i * output->ne[0], values + (i + 1) * output->ne[0]);
  }
  ggml_free(tensors);
  gguf_free(gguf);
  return rows;
}

std::vector<Token> random_tokens(Rng& rng, std::size_t n, int n_vocab) {
  std::vector<Token> tokens(n);
  for (Token& token : tokens) token = static_cast<Token>(rng.uniform(3, n_vocab - 1));
  return tokens;
}

/// One context, beside a plain account of what each sequence must hold.
class Walk {
 public:
  static constexpr int kSequences = 3;
  static constexpr int kContext = 64;
  static constexpr int kBatch = 7;

  Walk(const std::filesystem::path& path, std::uint64_t seed, const std::string& row_reading)
      : rng_(seed),
        reference_(path),
        output_(output_matrix(path)),
        context_(Model::load(options_for(path)), {.context_size = kContext,
                                                  .sequences = kSequences,
                                                  .batch_size = kBatch,
                                                  .flash_attention = "off",
                                                  .row_reading = row_reading}) {}

  void step() {
    switch (rng_.uniform(0, 9)) {
      case 0:
        return forget();
      case 1:
        return fork();
      default:
        return forward();
    }
  }

 private:
  struct Request {
    int sequence = 0;
    std::vector<Token> tokens;
    std::vector<int> rows;
    std::size_t kept = 0;  ///< tokens that need no evaluation
  };

  void forget() {
    const int sequence = random_sequence();
    context_.forget(sequence);
    held(sequence).clear();
    check_caches();
  }

  void fork() {
    const int from = random_sequence();
    const int to = (from + 1 + static_cast<int>(rng_.uniform(0, 1))) % kSequences;
    const auto length = static_cast<std::size_t>(rng_.uniform(0, kContext));
    context_.fork(from, to, length);
    held(to) = held(from);
    held(to).resize(std::min(length, held(to).size()));
    check_caches();
  }

  void forward() {
    const bool hidden = rng_.uniform(0, 1) == 1;
    std::vector<Request> requests;
    for (int sequence = 0; sequence < kSequences; ++sequence) {
      if (rng_.uniform(0, 2) > 0) requests.push_back(make_request(sequence));
    }
    std::vector<RowRequest> asked;
    for (const Request& r : requests) asked.push_back({r.sequence, r.tokens, r.rows});
    const ForwardCost cost = context_.forward(asked, hidden);
    check_cost(requests, cost);
    for (std::size_t i = 0; i < requests.size(); ++i) check_rows(i, requests[i], hidden);
    for (const Request& r : requests) held(r.sequence) = r.tokens;
    check_caches();
  }

  Request make_request(int sequence) {
    Request request{sequence, change(held(sequence)), {}, 0};
    const int n = static_cast<int>(request.tokens.size());
    const std::int64_t kind = rng_.uniform(0, 3);
    for (int i = 0; i < n; ++i) {
      const bool wanted = kind == 0 ? rng_.uniform(0, 3) == 0 : kind != 1 && i == n - 1;
      if (wanted) request.rows.push_back(i);
    }
    const auto& have = held(sequence);
    while (request.kept < std::min(have.size(), request.tokens.size()) &&
           have[request.kept] == request.tokens[request.kept]) {
      ++request.kept;
    }
    if (!request.rows.empty()) {
      request.kept = std::min(request.kept, static_cast<std::size_t>(request.rows.front()));
    }
    return request;
  }

  /// The sequence grown, cut, or changed in the middle.
  std::vector<Token> change(std::vector<Token> tokens) {
    const auto n = static_cast<std::int64_t>(tokens.size());
    const std::int64_t kind = rng_.uniform(0, 4);
    if (kind == 0 && n > 1) tokens.resize(static_cast<std::size_t>(rng_.uniform(1, n)));
    if (kind == 1 && n > 0) tokens[static_cast<std::size_t>(rng_.uniform(0, n - 1))] ^= 1;
    if (kind != 2 || n == 0) {
      const std::int64_t room = kContext - static_cast<std::int64_t>(tokens.size());
      const auto more = static_cast<std::size_t>(
          rng_.uniform(std::min<std::int64_t>(room, 1), std::min<std::int64_t>(room, 20)));
      const std::vector<Token> tail = random_tokens(rng_, more, reference_.n_vocab());
      tokens.insert(tokens.end(), tail.begin(), tail.end());
    }
    return tokens;
  }

  void check_cost(const std::vector<Request>& requests, const ForwardCost& cost) {
    int positions = 0;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const Request& r = requests[i];
      const auto missing = static_cast<int>(r.tokens.size() - r.kept);
      EXPECT_EQ(cost.requests.at(i).positions, missing);
      check_passes(cost.requests[i], r, positions);
      positions += missing;
    }
    EXPECT_EQ(cost.positions, positions);
    EXPECT_EQ(cost.passes, (positions + kBatch - 1) / kBatch);
  }

  /// `before` items of other requests come first; batches are cut from all items in order.
  static void check_passes(const RequestCost& cost, const Request& request, int before) {
    int passes = 0;
    std::int64_t reads = 0;
    const int items = static_cast<int>(request.tokens.size() - request.kept);
    for (int done = 0; done < items;) {
      done = std::min(items, done + kBatch - (before + done) % kBatch);
      ++passes;
      reads += static_cast<std::int64_t>(request.kept) + done;
    }
    EXPECT_EQ(cost.passes, passes);
    EXPECT_EQ(cost.cache_reads, reads);
  }

  void check_rows(std::size_t index, const Request& request, bool hidden) {
    if (request.rows.empty()) return;
    const std::vector<std::vector<float>> expected = reference_.logits(request.tokens);
    for (std::size_t i = 0; i < request.rows.size(); ++i) {
      const Row row = context_.row(index, i);
      const std::vector<float>& logits = expected[static_cast<std::size_t>(request.rows[i])];
      ASSERT_LT(max_difference(row.logits, logits), kTolerance) << "row " << request.rows[i];
      ASSERT_EQ(row.hidden.size(), hidden ? output_.front().size() : 0U);
      if (hidden) check_hidden(row);
    }
  }

  /// The hidden state is the one that the row's logits come from.
  void check_hidden(const Row& row) {
    for (std::size_t token = 0; token < output_.size(); ++token) {
      double logit = 0.0;
      for (std::size_t k = 0; k < row.hidden.size(); ++k) {
        logit += double{row.hidden[k]} * output_[token][k];
      }
      ASSERT_NEAR(logit, row.logits[token], kTolerance);
    }
  }

  void check_caches() {
    for (int sequence = 0; sequence < kSequences; ++sequence) {
      const auto cached = context_.cached(sequence);
      EXPECT_EQ(std::vector<Token>(cached.begin(), cached.end()), held(sequence));
    }
  }

  int random_sequence() { return static_cast<int>(rng_.uniform(0, kSequences - 1)); }
  std::vector<Token>& held(int sequence) { return held_.at(static_cast<std::size_t>(sequence)); }

  Rng rng_;
  LlamaRunner reference_;
  std::vector<std::vector<float>> output_;
  ModelContext context_;
  std::array<std::vector<Token>, kSequences> held_;
};

class ContextWalk : public testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(ContextWalk, GivesWhatAFreshEvaluationGives) {
  const TempDir folder;
  test::write_tiny_model(folder / "tiny.gguf", {.seed = 11});
  const auto& [row_reading, seed] = GetParam();
  Walk walk(folder / "tiny.gguf", static_cast<std::uint64_t>(seed), row_reading);
  for (int i = 0; i < 60 && !HasFailure(); ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    walk.step();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ContextWalk,
                         testing::Combine(testing::Values("host", "device"), testing::Range(0, 6)));

class ContextTest : public testing::Test {
 protected:
  ContextTest() { test::write_tiny_model(path_, {.n_embd = 64, .seed = 12}); }

  ModelContext make(const ContextOptions& options, const std::string& cache_type = "f32") const {
    return {Model::load(options_for(path_, cache_type)), options};
  }

  /// Row of the last token of `tokens`, as sequence `sequence`.
  std::vector<float> last_row(ModelContext& context, int sequence,
                              const std::vector<Token>& tokens) {
    const int last = static_cast<int>(tokens.size()) - 1;
    const RowRequest request{sequence, tokens, {&last, 1}};
    evaluated_ = context.forward({&request, 1}).positions;
    const Row row = context.row(0, 0);
    return {row.logits.begin(), row.logits.end()};
  }

  TempDir folder_;
  std::filesystem::path path_ = folder_ / "tiny.gguf";
  Rng rng_{5};
  int evaluated_ = 0;  ///< by the last last_row()
};

TEST_F(ContextTest, FullCacheIsAResourceErrorAndLeavesTheRestUsable) {
  ModelContext context =
      make({.context_size = 32, .sequences = 2, .batch_size = 64, .flash_attention = "off"});
  LlamaRunner reference(path_);
  const std::vector<Token> other = random_tokens(rng_, 20, 200);
  last_row(context, 1, other);

  const std::vector<Token> too_long = random_tokens(rng_, 400, 200);
  const RowRequest request{0, too_long, {}};
  const std::string text = error_text<ResourceError>([&] { context.forward({&request, 1}); });
  EXPECT_THAT(text, HasSubstr(path_.string()));
  EXPECT_THAT(text, HasSubstr("the KV cache is full"));

  EXPECT_EQ(context.cached(1).size(), 20U) << "the other sequence is untouched";
  EXPECT_LT(max_difference(last_row(context, 1, other), reference.logits(other).back()),
            kTolerance);
  EXPECT_EQ(evaluated_, 1);
  const std::vector<Token> short_again(too_long.begin(), too_long.begin() + 30);
  EXPECT_LT(max_difference(last_row(context, 0, short_again), reference.logits(short_again).back()),
            kTolerance);
}

TEST_F(ContextTest, CachesOfFewerBitsStayClose) {
  LlamaRunner reference(path_);
  const std::vector<Token> tokens = random_tokens(rng_, 30, 200);
  for (const auto& [type, tolerance] : {std::pair{"f16", 0.05}, std::pair{"q8_0", 1.0}}) {
    ModelContext context = make({.context_size = 64}, type);
    EXPECT_LT(max_difference(last_row(context, 0, tokens), reference.logits(tokens).back()),
              tolerance)
        << type;
  }
}

TEST_F(ContextTest, UnknownCacheTypeIsAUsageError) {
  const std::string text = error_text<UsageError>([&] { make({.context_size = 64}, "int3"); });
  EXPECT_THAT(text, HasSubstr("'int3'"));
  EXPECT_THAT(text, HasSubstr("q8_0"));
}

TEST_F(ContextTest, UnknownFlashAttentionIsAUsageError) {
  const std::string text =
      error_text<UsageError>([&] { make({.context_size = 64, .flash_attention = "maybe"}); });
  EXPECT_EQ(text, "flash_attention: expected on, off or auto, found 'maybe'");
}

TEST_F(ContextTest, SizeDefaultsToWhatTheModelWasTrainedFor) {
  EXPECT_EQ(make({}).context_size(), 512);
  EXPECT_EQ(make({.context_size = 100}).context_size(), 100);
}

TEST_F(ContextTest, CountsTheBytesOfAToken) {
  // 2 layers, keys and values of 64 numbers each.
  EXPECT_EQ(make({.context_size = 64}, "f32").model().cache_bytes_per_token(), 2U * 2 * 64 * 4);
  EXPECT_EQ(make({.context_size = 64}, "f16").model().cache_bytes_per_token(), 2U * 2 * 64 * 2);
}

TEST_F(ContextTest, CountsTheBytesOfATokenByTheHeadsOwnSize) {
  // 2 layers, keys and values of 2 heads of 48 numbers each, not of 64 / 4.
  test::write_tiny_model(path_, {.n_embd = 64, .n_head = 4, .n_head_kv = 2, .head_dim = 48});
  EXPECT_EQ(make({.context_size = 64}, "f32").model().cache_bytes_per_token(),
            2U * 2 * (2 * 48) * 4);
}

TEST_F(ContextTest, ResetForgetsAll) {
  ModelContext context = make({.context_size = 64, .sequences = 2});
  const std::vector<Token> tokens = random_tokens(rng_, 20, 200);
  const std::vector<float> first = last_row(context, 0, tokens);
  last_row(context, 1, random_tokens(rng_, 9, 200));
  context.reset();
  EXPECT_TRUE(context.cached(0).empty());
  EXPECT_TRUE(context.cached(1).empty());
  EXPECT_EQ(last_row(context, 0, tokens), first) << "to the last digit";
  EXPECT_EQ(evaluated_, 20);
}

}  // namespace
}  // namespace citer
