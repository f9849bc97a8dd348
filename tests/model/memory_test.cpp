// Contexts of models of all kinds of memory, against a plain libllama evaluation from scratch.
#include "model/memory.h"

#include <gtest/gtest.h>

#include <array>

#include "base/rng.h"
#include "model/context.h"
#include "support/architectures.h"
#include "support/compare.h"
#include "support/llama_runner.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace citer {
namespace {

using test::LlamaRunner;
using test::max_difference;

constexpr double kTolerance = 1e-2;  // logits are of size 4; batches of other sizes round otherwise
constexpr int kContext = 400;
constexpr int kSmallBatch = 32;  // with it a small window's cache has 256 cells

ModelOptions options_for(const std::filesystem::path& path) {
  ModelOptions options;
  options.path = path.string();
  options.devices = "none";
  options.cache_type_k = options.cache_type_v = "f32";
  return options;
}

std::vector<Token> random_tokens(Rng& rng, std::size_t n) {
  std::vector<Token> tokens(n);
  for (Token& token : tokens) {
    token = static_cast<Token>(rng.uniform(3, test::tiny_vocab_size() - 1));
  }
  return tokens;
}

/// A context whose rows are compared with those of a fresh evaluation.
class Checked {
 public:
  Checked(const std::filesystem::path& path, ContextOptions options)
      : context_(Model::load(options_for(path)), exact(options)), reference_(path, 512) {}

  /// Reads with rows after the tokens from `first_row` on, the first `decided` of which stay;
  /// returns how many were read.
  int read(int sequence, const std::vector<Token>& tokens, std::size_t first_row,
           std::size_t decided, bool hidden = false) {
    std::vector<int> rows;
    for (std::size_t i = first_row; i < tokens.size(); ++i) rows.push_back(static_cast<int>(i));
    const RowRequest request{sequence, tokens, rows, {}, decided};
    const ForwardCost cost = context_.forward({&request, 1}, hidden);
    expect_rows(0, tokens, rows);
    return cost.positions;
  }
  int read(int sequence, const std::vector<Token>& tokens) {
    return read(sequence, tokens, tokens.size() - 1, tokens.size());
  }

  void expect_rows(std::size_t request, const std::vector<Token>& tokens,
                   const std::vector<int>& rows) {
    if (rows.empty()) return;
    const std::vector<std::vector<float>> expected = reference_.logits(tokens);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ASSERT_LT(max_difference(context_.row(request, i).logits,
                               expected[static_cast<std::size_t>(rows[i])]),
                kTolerance)
          << "row " << rows[i];
    }
  }

  ModelContext& operator*() { return context_; }
  ModelContext* operator->() { return &context_; }

 private:
  static ContextOptions exact(ContextOptions options) {
    options.flash_attention = "off";
    return options;
  }

  ModelContext context_;
  LlamaRunner reference_;
};

class MemoryOf : public testing::TestWithParam<const char*> {
 protected:
  MemoryOf() { test::write_architecture(path_, architecture_, 3); }
  bool keeps_state() const {
    return architecture_ == "mamba" || architecture_ == "lfm2" || architecture_ == "qwen35";
  }
  bool keeps_window() const { return architecture_ == "gemma2"; }

  std::string architecture_ = GetParam();
  test::TempDir folder_;
  std::filesystem::path path_ = folder_ / "model.gguf";
  Rng rng_{7};
};

INSTANTIATE_TEST_SUITE_P(Architectures, MemoryOf, testing::ValuesIn(test::kArchitectures),
                         [](const auto& p) { return std::string(p.param); });

TEST_P(MemoryOf, IsToldApart) {
  const MemoryKind kind = Model::load(options_for(path_))->memory();
  EXPECT_EQ(kind == MemoryKind::kState, keeps_state());
  EXPECT_EQ(kind == MemoryKind::kWindow, keeps_window());
}

TEST_P(MemoryOf, DraftsAreTakenBackToWhatIsDecided) {
  Checked context(path_, {.context_size = kContext, .batch_size = kSmallBatch});
  std::vector<Token> tokens = random_tokens(rng_, 300);
  EXPECT_EQ(context.read(0, tokens), 300);
  for (int round = 0; round < 8; ++round) {
    const std::size_t decided = tokens.size();
    for (int draft = 0; draft < 4; ++draft) {
      tokens.push_back(random_tokens(rng_, 1).front());
      EXPECT_EQ(context.read(0, tokens, tokens.size() - 1, decided), 1);
    }
    const auto kept = static_cast<std::size_t>(rng_.uniform(0, 3));
    tokens.resize(decided + kept);
    tokens.push_back(random_tokens(rng_, 1).front());
    const int read = context.read(0, tokens);
    EXPECT_EQ(read, keeps_state() ? static_cast<int>(kept) + 1 : 1)
        << "a state goes back to what was decided and reads from there on";
  }
}

/// Passes over drafts, one after the other, each taken back to within itself before the next.
TEST_P(MemoryOf, APassIsTakenBackWithin) {
  const bool has_snapshots = architecture_ == "qwen35" || architecture_ == "lfm2";
  Checked context(path_, {.context_size = kContext, .state_snapshots = 4});
  std::vector<Token> tokens = random_tokens(rng_, 60);
  context.read(0, tokens);
  for (int round = 0; round < 40; ++round) {
    const std::size_t decided = tokens.size();
    const auto n = static_cast<std::size_t>(rng_.uniform(1, 7));
    const std::vector<Token> more = random_tokens(rng_, n);
    tokens.insert(tokens.end(), more.begin(), more.end());
    context.read(0, tokens, decided, decided);
    const auto back = static_cast<std::size_t>(rng_.uniform(0, static_cast<std::int64_t>(n)));
    const std::size_t kept = tokens.size() - back;
    const bool is_direct = !keeps_state() || back == 0 || (has_snapshots && back < n && back <= 4);
    tokens.resize(kept);
    if (is_direct) {
      EXPECT_EQ(context->cached_prefix(0, tokens), kept) << back << " of " << n << " taken back";
    }
  }
}

TEST_P(MemoryOf, WhatIsNotWithinReachIsReadAgain) {
  for (const bool swa_full : {false, true}) {
    Checked context(path_,
                    {.context_size = kContext, .batch_size = kSmallBatch, .swa_full = swa_full});
    std::vector<Token> tokens = random_tokens(rng_, 390);
    context.read(0, tokens);
    tokens.resize(20);
    const bool is_lost = keeps_state() || (keeps_window() && !swa_full);
    EXPECT_EQ(context.read(0, tokens), is_lost ? 20 : 1);
  }
}

TEST_P(MemoryOf, OnePromptIsReadOnceForMany) {
  Checked context(path_, {.context_size = kContext, .sequences = 3});
  const std::vector<Token> prompt = random_tokens(rng_, 100);
  context.read(0, prompt);
  std::vector<Token> longer = prompt;
  for (int i = 0; i < 5; ++i) {  // the first goes on
    longer.push_back(random_tokens(rng_, 1).front());
    context.read(0, longer);
  }
  for (const int sequence : {1, 2}) {
    const std::size_t prefix = context->cached_prefix(0, prompt);
    EXPECT_GE(prefix, prompt.size() - 1);
    context->fork(0, sequence, prefix);
    EXPECT_EQ(context.read(sequence, prompt), 1);
    std::vector<Token> other = prompt;
    other.push_back(random_tokens(rng_, 1).front());
    EXPECT_EQ(context.read(sequence, other), 1);
  }
  longer.push_back(17);
  EXPECT_EQ(context.read(0, longer), 1) << "the first has lost nothing";
}

TEST_P(MemoryOf, AForkWhereNothingWasKeptStartsOver) {
  Checked context(path_, {.context_size = kContext, .sequences = 2});
  std::vector<Token> tokens = random_tokens(rng_, 50);
  context.read(0, tokens);
  context->fork(0, 1, 20);
  tokens.resize(20);
  tokens.push_back(9);
  EXPECT_EQ(context.read(1, tokens), keeps_state() ? 21 : 1);
}

/// Several sequences that grow, draft, are taken back, fork and are forgotten, in small batches:
/// rows are those of a fresh evaluation, and what is cached is what was asked for.
TEST_P(MemoryOf, RowsAreThoseOfAFreshEvaluation) {
  constexpr int kSequences = 3;
  for (int seed = 0; seed < 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Rng rng(static_cast<std::uint64_t>(seed));
    Checked context(path_, {.context_size = kContext,
                            .sequences = kSequences,
                            .batch_size = seed % 2 == 0 ? 64 : 7,
                            .swa_full = seed == 3});
    std::array<std::vector<Token>, kSequences> held;
    for (int step = 0; step < 40; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      const auto s = static_cast<std::size_t>(rng.uniform(0, kSequences - 1));
      if (const std::int64_t what = rng.uniform(0, 11); what == 0) {
        context->forget(static_cast<int>(s));
        held[s].clear();
        continue;
      } else if (what < 3) {
        const std::size_t to = (s + 1) % kSequences;
        context->fork(static_cast<int>(s), static_cast<int>(to),
                      static_cast<std::size_t>(rng.uniform(0, kContext)));
        const auto cached = context->cached(static_cast<int>(to));
        ASSERT_LE(cached.size(), held[s].size());
        EXPECT_TRUE(std::equal(cached.begin(), cached.end(), held[s].begin()));
        held[to].assign(cached.begin(), cached.end());
        continue;
      }
      std::vector<RowRequest> requests;
      std::array<std::vector<int>, kSequences> rows;
      for (std::size_t i = 0; i < kSequences; ++i) {
        if (rng.uniform(0, 2) == 0) continue;
        std::vector<Token>& tokens = held[i];
        if (rng.uniform(0, 2) == 0 && !tokens.empty()) {
          tokens.resize(tokens.size() - static_cast<std::size_t>(rng.uniform(
                                            0, std::min<std::int64_t>(12, tokens.size() - 1))));
        }
        const auto room = static_cast<std::int64_t>(kContext - tokens.size());
        if (room > 1 || tokens.empty()) {
          const std::int64_t most = rng.uniform(0, 5) == 0 ? 120 : 8;
          const auto more = random_tokens(
              rng, static_cast<std::size_t>(rng.uniform(1, std::min<std::int64_t>(room, most))));
          tokens.insert(tokens.end(), more.begin(), more.end());
        }
        const std::size_t wanted =
            std::min<std::size_t>(tokens.size(), static_cast<std::size_t>(rng.uniform(0, 4)));
        for (std::size_t r = tokens.size() - wanted; r < tokens.size(); ++r) {
          rows[i].push_back(static_cast<int>(r));
        }
        const auto decided =
            tokens.size() -
            std::min<std::size_t>(tokens.size(), static_cast<std::size_t>(rng.uniform(0, 6)));
        requests.push_back({static_cast<int>(i), tokens, rows[i], {}, decided});
      }
      context->forward(requests, rng.uniform(0, 3) == 0);
      for (std::size_t i = 0; i < requests.size(); ++i) {
        const RowRequest& r = requests[i];
        context.expect_rows(i, {r.tokens.begin(), r.tokens.end()},
                            rows[static_cast<std::size_t>(r.sequence)]);
        const auto cached = context->cached(r.sequence);
        EXPECT_TRUE(std::equal(cached.begin(), cached.end(), r.tokens.begin(), r.tokens.end()));
      }
      if (HasFailure()) return;
    }
  }
}

TEST_P(MemoryOf, HiddenStatesComeWithTheirRows) {
  Checked context(path_, {.context_size = kContext, .sequences = 2});
  const std::vector<Token> a = random_tokens(rng_, 40);
  const std::vector<Token> b = random_tokens(rng_, 55);
  const auto rows_of = [](const std::vector<Token>& t) {
    return std::vector<int>{static_cast<int>(t.size()) - 2, static_cast<int>(t.size()) - 1};
  };
  const auto hidden_of = [&](std::size_t request, std::size_t row) {
    const auto hidden = context->row(request, row).hidden;
    return std::vector<float>(hidden.begin(), hidden.end());
  };
  const std::vector<int> a_rows = rows_of(a);
  const std::vector<int> b_rows = rows_of(b);
  const std::array<RowRequest, 2> both = {RowRequest{0, a, a_rows}, RowRequest{1, b, b_rows}};
  context->forward(both, true);
  const std::array together = {hidden_of(0, 0), hidden_of(0, 1), hidden_of(1, 0), hidden_of(1, 1)};
  context->reset();
  context->forward({both.data(), 1}, true);
  EXPECT_LT(max_difference(together[0], hidden_of(0, 0)), kTolerance);
  EXPECT_LT(max_difference(together[1], hidden_of(0, 1)), kTolerance);
  context->forward({both.data() + 1, 1}, true);
  EXPECT_LT(max_difference(together[2], hidden_of(0, 0)), kTolerance);
  EXPECT_LT(max_difference(together[3], hidden_of(0, 1)), kTolerance);
  EXPECT_GT(max_difference(together[0], together[1]), 0.1);
}

}  // namespace
}  // namespace citer
