// The decoder against a naive reference: at every token both models are evaluated from scratch, by
// plain libllama, over the whole sequence; the definitions of the policies are written out again.
#include <gtest/gtest.h>

#include <cmath>

#include "decode/tiny_pair.h"
#include "support/compare.h"
#include "support/llama_runner.h"

namespace citer {
namespace {

using test::LlamaRunner;
using test::TinyPair;
using test::TinyPairFiles;

constexpr double kTie = 1e-3;  // logits closer than this may come out in either order

Token likeliest(const std::vector<float>& logits) {
  return static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

/// The sum of the smaller of both probabilities, over the tokens that are among the likeliest of
/// both.
double overlap(const std::vector<float>& slm, const std::vector<float>& llm) {
  const auto bar = [](std::vector<float> logits) {
    std::sort(logits.begin(), logits.end(), std::greater<>());
    return logits[std::min(logits.size(), kLikeliest) - 1];
  };
  const std::vector<double> p = test::softmax(slm);
  const std::vector<double> q = test::softmax(llm);
  double sum = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (slm[i] >= bar(slm) && llm[i] >= bar(llm)) sum += std::min(p[i], q[i]);
  }
  return sum;
}

double expected_score(const std::string& policy, const std::vector<float>& slm,
                      const std::vector<float>& llm) {
  if (policy == "slm") return 1.0;
  if (policy == "llm") return 0.0;
  if (policy == "oracle") return likeliest(slm) == likeliest(llm) ? 1.0 : 0.0;
  if (policy == "divergence") return overlap(slm, llm);
  if (policy == "ratio") {
    return std::exp(llm[static_cast<std::size_t>(likeliest(slm))] -
                    llm[static_cast<std::size_t>(likeliest(llm))]);
  }
  std::vector<double> shares = test::softmax(slm);
  std::sort(shares.begin(), shares.end(), std::greater<>());
  if (policy == "maxprob") return shares[0];
  if (policy == "margin") return shares[0] - shares[1];
  double entropy = 0.0;
  for (const double share : shares) entropy -= share > 0 ? share * std::log(share) : 0.0;
  return 1.0 - entropy / std::log(static_cast<double>(shares.size()));
}

class Routing : public testing::Test {
 protected:
  /// Every token of the answer was scored, routed and chosen as plain routing says.
  void expect_plain_routing(const Sequence& sequence, const std::string& policy) {
    const double threshold = sequence.request.threshold;
    std::vector<Token> tokens = sequence.request.prompt;
    for (const TokenRecord& record : sequence.records) {
      SCOPED_TRACE("token " + std::to_string(tokens.size()));
      const std::vector<float> slm = slm_.logits(tokens).back();
      const std::vector<float> llm = llm_.logits(tokens).back();
      if (!policy.starts_with("random")) {
        ASSERT_NEAR(record.score, expected_score(policy, slm, llm), kTie);
      }
      const bool by_llm = record.score < threshold;
      ASSERT_EQ(record.writer, by_llm ? Writer::kLlm : Writer::kSlm);
      const std::vector<float>& logits = by_llm ? llm : slm;
      ASSERT_GE(logits[static_cast<std::size_t>(record.id)] + kTie,
                logits[static_cast<std::size_t>(likeliest(logits))])
          << "not the writer's likeliest token";
      tokens.push_back(record.id);
    }
    EXPECT_EQ(tokens, sequence.tokens);
  }

  /// Nothing is evaluated twice: the SLM read all but the last token once, the LLM all before the
  /// last token it wrote.
  static void expect_no_recomputation(const Sequence& sequence) {
    const Counters& c = sequence.counters;
    const auto prompt = static_cast<std::int64_t>(sequence.request.prompt.size());
    std::int64_t slm_tokens = 0;
    std::int64_t llm_tokens = 0;
    std::int64_t llm_read = 0;
    for (std::size_t i = 0; i < sequence.records.size(); ++i) {
      if (sequence.records[i].writer == Writer::kSlm) {
        ++slm_tokens;
      } else {
        ++llm_tokens;
        llm_read = prompt + static_cast<std::int64_t>(i);
      }
    }
    EXPECT_EQ(c.slm_tokens, slm_tokens);
    EXPECT_EQ(c.llm_tokens, llm_tokens);
    const PolicyNeeds needs = sequence.request.policy->needs();
    const bool all_llm = needs.llm || needs.judges;
    const std::int64_t all = prompt + c.tokens() - 1;
    EXPECT_EQ(c.llm_passes, all_llm ? c.tokens() : llm_tokens);
    EXPECT_EQ(c.llm_positions, all_llm ? all : llm_read);
    const bool reads_slm = sequence.request.policy->needs().slm;
    EXPECT_EQ(c.slm_passes, reads_slm ? c.tokens() : 0);
    EXPECT_EQ(c.slm_positions, reads_slm ? all : 0);
  }

  TinyPairFiles files_;
  LlamaRunner slm_{files_.slm()};
  LlamaRunner llm_{files_.llm()};
};

TEST_F(Routing, EqualsTheNaiveReference) {
  const std::vector<std::pair<std::string, std::vector<double>>> cases = {
      {"maxprob", {0.3, 0.6, 0.9}},
      {"margin", {0.2, 0.5, 0.8}},
      {"entropy", {0.6, 0.8, 0.95}},
      {"oracle", {0.5}},
      {"divergence", {0.1, 0.2}},
      {"ratio", {0.05, 0.2}},
      {"random:0.3", {0.3, 0.7}},
      {"slm", {0.0, 0.5}},
      {"llm", {0.5, 1.0}}};
  const auto prompts = test::random_prompts(2);
  int both_wrote = 0;
  for (const auto& [policy, thresholds] : cases) {
    for (const double threshold : thresholds) {
      for (const std::vector<Token>& prompt : prompts) {
        SCOPED_TRACE(policy + " at " + std::to_string(threshold));
        TinyPair pair(files_, {.context_size = 128});
        const Sequence answer =
            test::run_alone(pair, test::make_request(prompt, policy, threshold, 40));
        ASSERT_EQ(answer.records.size(), 40U);
        expect_plain_routing(answer, policy);
        expect_no_recomputation(answer);
        both_wrote += answer.counters.slm_tokens > 0 && answer.counters.llm_tokens > 0 ? 1 : 0;
      }
    }
  }
  EXPECT_GE(both_wrote, 24) << "the cases must mix writers to mean something";
}

TEST_F(Routing, WhatTheLlmJudgesMayWaitForIt) {
  for (const char* policy : {"divergence", "ratio"}) {
    std::int64_t stand = 0;
    std::int64_t corrected = 0;
    for (const int limit : {2, 5, 0}) {
      for (const std::vector<Token>& prompt : test::random_prompts(2)) {
        SCOPED_TRACE(std::string(policy) + " holding " + std::to_string(limit));
        TinyPair pair(files_, {.context_size = 128});
        DecodeRequest request = test::make_request(prompt, policy, 0.1, 40);
        request.pending_limit = limit;
        const Sequence answer = test::run_alone(pair, std::move(request));
        expect_plain_routing(answer, policy);
        const Counters& c = answer.counters;
        EXPECT_EQ(c.accepted + c.rejected, c.tokens());
        EXPECT_GE(c.accepted, c.slm_tokens) << "what stands was guessed";
        if (limit > 0) {
          EXPECT_LT(c.llm_passes, c.tokens());
        }
        stand += c.slm_tokens;
        corrected += c.rejected;
      }
    }
    EXPECT_GT(stand, 0) << policy;
    EXPECT_GT(corrected, 0) << policy;
  }
}

TEST_F(Routing, AtThresholdOneTheLlmJudgesNothing) {
  const std::vector<Token> prompt = test::random_prompts(1).front();
  const auto tokens = [&](const char* policy, int limit) {
    TinyPair pair(files_, {.context_size = 128});
    DecodeRequest request = test::make_request(prompt, policy, 1.0, 40);
    request.pending_limit = limit;
    return test::run_alone(pair, std::move(request)).tokens;
  };
  for (const int limit : {1, 4}) {
    EXPECT_EQ(tokens("ratio", limit), tokens("llm", 1)) << limit;
    EXPECT_EQ(tokens("divergence", limit), tokens("llm", 1)) << limit;
  }
}

TEST_F(Routing, SpeculationEqualsTheNaiveReferenceToo) {
  int accepted = 0;
  int rejected = 0;
  for (const char* policy : {"maxprob", "entropy", "random:0.5"}) {
    for (const int limit : {2, 3, 8, 0}) {
      for (const std::vector<Token>& prompt : test::random_prompts(2)) {
        SCOPED_TRACE(std::string(policy) + " holding " + std::to_string(limit));
        TinyPair pair(files_, {.context_size = 128});
        DecodeRequest request = test::make_request(prompt, policy, 0.7, 40);
        request.pending_limit = limit;
        const Sequence answer = test::run_alone(pair, std::move(request));
        expect_plain_routing(answer, policy);
        const Counters& c = answer.counters;
        EXPECT_EQ(c.accepted + c.rejected, c.llm_tokens);
        EXPECT_LE(c.llm_passes, c.llm_tokens);
        accepted += static_cast<int>(c.accepted);
        rejected += static_cast<int>(c.rejected);
      }
    }
  }
  EXPECT_GT(accepted, 50);
  EXPECT_GT(rejected, 50);
}

TEST_F(Routing, AuditAsksTheLlmAboutTheSlmsTokens) {
  for (const int limit : {1, 3}) {
    TinyPair pair(files_, {.context_size = 128});
    DecodeRequest request = test::make_request(test::random_prompts(1).front(), "maxprob", 0.6, 50);
    request.pending_limit = limit;
    request.audit = true;
    const Sequence answer = test::run_alone(pair, std::move(request));
    expect_plain_routing(answer, "maxprob");
    std::vector<Token> tokens = answer.request.prompt;
    std::size_t last_llm = 0;
    for (std::size_t i = 0; i < answer.records.size(); ++i) {
      if (answer.records[i].writer == Writer::kLlm) last_llm = i;
    }
    int agree = 0;
    int disagree = 0;
    for (std::size_t i = 0; i < answer.records.size(); ++i) {
      const TokenRecord& record = answer.records[i];
      if (record.writer == Writer::kLlm) {  // what the SLM had guessed, if it had to
        ASSERT_EQ(record.llm_agrees.has_value(), limit > 1) << i;
        const bool guessed = likeliest(slm_.logits(tokens).back()) == record.id;
        EXPECT_EQ(record.llm_agrees.value_or(guessed), guessed) << i;
        tokens.push_back(record.id);
        continue;
      }
      const bool audited = i < last_llm;
      ASSERT_EQ(record.llm_agrees.has_value(), audited) << i;
      if (audited) {
        const bool same = likeliest(llm_.logits(tokens).back()) == record.id;
        EXPECT_EQ(*record.llm_agrees, same) << i;
        ++(same ? agree : disagree);
      }
      tokens.push_back(record.id);
    }
    EXPECT_GT(agree, 0);
    EXPECT_GT(disagree, 0);
  }
}

TEST_F(Routing, LlmPolicyIsTheLlmsGreedyText) {
  for (const std::vector<Token>& prompt : test::random_prompts(3)) {
    TinyPair pair(files_, {.context_size = 128});
    const Sequence answer = test::run_alone(pair, test::make_request(prompt, "llm", 1.0, 50));
    EXPECT_EQ(test::written_tokens(answer), llm_.greedy(prompt, 50));
    EXPECT_EQ(answer.counters.slm_passes, 0);
  }
}

TEST_F(Routing, SlmPolicyIsTheSlmsGreedyText) {
  for (const std::vector<Token>& prompt : test::random_prompts(3)) {
    TinyPair pair(files_, {.context_size = 128});
    const Sequence answer = test::run_alone(pair, test::make_request(prompt, "slm", 0.0, 50));
    EXPECT_EQ(test::written_tokens(answer), slm_.greedy(prompt, 50));
    EXPECT_EQ(answer.counters.llm_passes, 0);
  }
}

TEST_F(Routing, ThresholdZeroIsTheSlmAloneWhateverThePolicy) {
  const std::vector<Token> prompt = test::random_prompts(1).front();
  for (const char* policy : {"llm", "maxprob", "random:0.5", "slm"}) {
    TinyPair pair(files_, {.context_size = 128});
    const Sequence answer = test::run_alone(pair, test::make_request(prompt, policy, 0.0, 30));
    EXPECT_EQ(test::written_tokens(answer), slm_.greedy(prompt, 30)) << policy;
    EXPECT_EQ(answer.counters.llm_passes, 0) << policy;
    EXPECT_EQ(answer.counters.llm_tokens, 0) << policy;
  }
}

TEST_F(Routing, ThresholdOneIsTheLlmAloneWhateverThePolicy) {
  const std::vector<Token> prompt = test::random_prompts(1).front();
  for (const char* policy : {"slm", "maxprob", "random:0.5", "oracle", "llm"}) {
    TinyPair pair(files_, {.context_size = 128});
    const Sequence answer = test::run_alone(pair, test::make_request(prompt, policy, 1.0, 30));
    EXPECT_EQ(test::written_tokens(answer), llm_.greedy(prompt, 30)) << policy;
    EXPECT_EQ(answer.counters.slm_tokens, 0) << policy;
  }
}

TEST(RoutingOfSureModels, ThresholdOneIsTheLlmAlone) {
  // Logits of size 60: the SLM's top probability rounds to 1.
  const TinyPairFiles files({.logit_scale = 60.0F});
  TinyPair pair(files, {.context_size = 128});
  const Sequence answer = test::run_alone(
      pair, test::make_request(test::random_prompts(1).front(), "maxprob", 1.0, 40));
  EXPECT_EQ(answer.counters.slm_tokens, 0);
}

TEST_F(Routing, LongPromptsAreReadInChunks) {
  std::vector<Token> prompt = {test::kTinyBos};
  for (int i = 0; i < 99; ++i) prompt.push_back(3 + i * 7 % 250);
  TinyPair pair(files_, {.context_size = 128, .batch_size = 16});
  const Sequence answer = test::run_alone(pair, test::make_request(prompt, "maxprob", 0.6, 20));
  expect_plain_routing(answer, "maxprob");
  EXPECT_EQ(answer.counters.slm_positions, 119);
  EXPECT_EQ(answer.counters.slm_passes, 7 + 19) << "100 tokens in chunks of 16, then one each";
  std::int64_t reads = 16 + 32 + 48 + 64 + 80 + 96;
  for (int length = 100; length <= 119; ++length) reads += length;
  EXPECT_EQ(answer.counters.slm_cache_reads, reads) << "each pass reads what is cached by then";
}

TEST_F(Routing, CachesAreReusedByTheNextAnswer) {
  TinyPair pair(files_, {.context_size = 128});
  const std::vector<Token> prompt = test::random_prompts(1).front();
  const Sequence first = test::run_alone(pair, test::make_request(prompt, "maxprob", 0.6, 30));
  std::vector<Token> longer(first.tokens.begin(), first.tokens.end() - 10);
  longer.push_back(77);
  const Sequence second = test::run_alone(pair, test::make_request(longer, "maxprob", 0.6, 20));
  expect_plain_routing(second, "maxprob");
  EXPECT_EQ(second.counters.slm_positions, 20) << "only the changed token and the answer are read";
}

TEST_F(Routing, PaddingTokensAreNeverWritten) {
  const TinyPairFiles padded({.n_extra_tokens = 80});
  const std::vector<Token> prompt = test::random_prompts(1).front();
  for (const bool llm_is_padded : {true, false}) {
    TinyPair pair(llm_is_padded ? files_.slm() : padded.slm(),
                  llm_is_padded ? padded.llm() : files_.llm(), {.context_size = 128});
    const std::string policy = llm_is_padded ? "llm" : "slm";
    const Sequence answer =
        test::run_alone(pair, test::make_request(prompt, policy, llm_is_padded ? 1 : 0, 60));
    LlamaRunner reference(llm_is_padded ? padded.llm() : padded.slm());
    std::vector<Token> tokens = prompt;
    bool padding_was_likeliest = false;
    for (const TokenRecord& record : answer.records) {
      std::vector<float> logits = reference.logits(tokens).back();
      padding_was_likeliest |= likeliest(logits) >= test::tiny_vocab_size();
      logits.resize(static_cast<std::size_t>(test::tiny_vocab_size()));
      ASSERT_EQ(record.id, likeliest(logits));
      tokens.push_back(record.id);
    }
    EXPECT_TRUE(padding_was_likeliest) << "the case must occur to mean something";
  }
}

}  // namespace
}  // namespace citer
