#include "sample_results.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/rng.h"

namespace citer::test {

namespace {

constexpr int kExamples = 200;
constexpr int kReadable = 3;
constexpr int kTokens = 24;

/// How fast a policy recovers the gap between SLM and LLM as its LLM share grows.
const std::map<std::string, double>& strengths() {
  static const std::map<std::string, double> kStrengths = {
      {"maxprob", 3.0}, {"citer", 5.0}, {"random", 1.0}, {"new-policy", 2.0}};
  return kStrengths;
}

double share_of(const EvalSetting& setting) {
  if (setting.policy == "slm") return 0.0;
  if (setting.policy == "llm") return 1.0;
  if (setting.policy == "oracle") return 0.2;
  return setting.threshold * setting.threshold;
}

double accuracy_of(const EvalSetting& setting) {
  const double slm = setting.data == "math" ? 0.60 : 0.45;
  const double llm = setting.data == "math" ? 0.86 : 0.75;
  if (setting.policy == "slm") return slm;
  if (setting.policy == "llm" || setting.policy == "oracle") return llm;
  const double left = std::pow(1 - share_of(setting), strengths().at(setting.policy));
  return slm + (llm - slm) * (1 - left);
}

Counters counters_of(const EvalSetting& setting) {
  const auto llm_tokens = static_cast<std::int64_t>(std::lround(kTokens * share_of(setting)));
  Counters c;
  c.llm_tokens = llm_tokens;
  c.slm_tokens = kTokens - llm_tokens;
  c.slm_passes = setting.policy == "llm" ? 0 : kTokens;
  c.llm_passes = llm_tokens;
  c.slm_positions = c.slm_passes == 0 ? 0 : kTokens + 40;
  c.llm_positions = c.llm_passes == 0 ? 0 : kTokens + 40;
  return c;
}

/// Scores are near 1 for most tokens, and the LLM agrees with them about as often as they say.
void add_scores(ScoreBins& bins, const EvalSetting& setting, Rng& rng) {
  for (int t = 0; t < kTokens; ++t) {
    const double u = rng.unit();
    const double chance = rng.unit();
    const double score = setting.policy == "random" ? u : std::pow(u, 0.3);
    const auto bin = static_cast<std::size_t>(ScoreBins::bin(score));
    ++bins.tokens[bin];
    if (score < setting.threshold) continue;
    ++bins.audited[bin];
    bins.score_sum[bin] += score;
    const double agreement = setting.policy == "random" ? 0.75 : score;
    bins.agreed[bin] += chance < agreement ? 1 : 0;
  }
}

/// A readable answer; its third token is markup, its fifth a line end, its last has no text.
std::vector<TokenRecord> tokens_of(const EvalSetting& setting, Rng& rng) {
  std::vector<TokenRecord> tokens;
  for (int t = 0; t < kTokens; ++t) {
    TokenRecord token;
    token.piece = " word" + std::to_string(t);
    if (t == 2) token.piece = " <b>&lt;x</b>";
    if (t == 4) token.piece = "\n";
    if (t == kTokens - 1) token.piece = "";
    token.score = std::pow(rng.unit(), 0.3);
    const bool routed = setting.policy != "slm" && token.score < setting.threshold;
    token.writer = setting.policy == "llm" || routed ? Writer::kLlm : Writer::kSlm;
    tokens.push_back(token);
  }
  return tokens;
}

ChunkRecord chunk_of(const EvalSetting& setting) {
  Rng rng(2024);  // the same draws under every setting: better settings get more of them right
  ChunkRecord chunk;
  chunk.setting = setting;
  chunk.wall_seconds = 0.5 + 4 * share_of(setting);
  const double accuracy = accuracy_of(setting);
  for (int i = 0; i < kExamples; ++i) {
    ExampleRecord e;
    e.id = setting.data + "-" + std::to_string(i + 1);
    e.correct = ((i * 83 + 130) % kExamples) < std::lround(accuracy * kExamples);
    e.answer = e.correct ? "42" : "41 < 42";
    e.finish = "stop";
    e.counters = counters_of(setting);
    e.seconds = 0.02 + 0.1 * share_of(setting) + 0.0001 * i;
    add_scores(chunk.scores, setting, rng);
    if (i < kReadable) {
      e.prompt =
          i == 0 && setting.data == "math"
              ? kNasty
              : "Question: How many " + e.id + " are there?\nChoices:\n(A) 41\n(B) 42\nAnswer:";
      e.gold = "42";
      e.tokens = tokens_of(setting, rng);
    }
    chunk.examples.push_back(std::move(e));
  }
  chunk.totals = counters_of(setting);
  return chunk;
}

}  // namespace

EvalResults sample_results_of(const std::vector<std::string>& policies) {
  EvalResults results;
  results.slm = {.path = "models/demo-slm.gguf",
                 .description = "llama 1.3M F16",
                 .parameters = 1'300'000,
                 .bytes = 2'600'000};
  results.llm = {.path = "models/demo-llm.gguf",
                 .description = "llama 24M F16",
                 .parameters = 24'000'000,
                 .bytes = 48'000'000};
  results.data = {"math", "mc"};
  results.complete = true;
  for (const std::string& data : results.data) {
    for (const std::string& policy : policies) {
      const bool curve = strengths().count(policy) != 0;
      for (const double threshold :
           curve ? std::vector<double>{0.3, 0.5, 0.7, 0.9, 0.9995} : std::vector<double>{0.0}) {
        results.settings.push_back({data, policy, threshold});
        results.chunks.push_back(chunk_of(results.settings.back()));
      }
    }
  }
  if (std::count(policies.begin(), policies.end(), "citer") > 0) {
    results.claims["citer"] = {{0.1, 0.4, 0.5}, {0.5, 0.9, 0.85}, {1, 1, 0.99}};
  }
  return results;
}

EvalResults sample_results() {
  return sample_results_of({"slm", "llm", "oracle", "maxprob", "citer", "random", "new-policy"});
}

}  // namespace citer::test
